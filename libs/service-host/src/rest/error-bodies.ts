import { HttpException } from '@nestjs/common';
import { DomainError, type ErrorKind } from '@openledger/kernel';

const HTTP_STATUS: Record<ErrorKind, number> = {
  invalid: 400,
  unauthenticated: 401,
  'payment-required': 402,
  forbidden: 403,
  'not-found': 404,
  conflict: 409,
  precondition: 412,
  'too-large': 413,
  exhausted: 429,
  unavailable: 503,
};

/** A refusal as the wire knows it. */
export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly details: Readonly<Record<string, string | number>>;
}

/** Undefined for what the caller may not know about: that is logged and answered with 500. */
export function toRefusal(error: unknown): Refusal | undefined {
  if (error instanceof DomainError) {
    return {
      status: HTTP_STATUS[error.kind],
      code: error.code,
      message: error.message,
      details: error.details,
    };
  }
  if (isBodyTooLarge(error)) {
    return {
      status: 413,
      code: 'BODY_TOO_LARGE',
      message: 'The body is larger than this route accepts.',
      details: {},
    };
  }
  if (error instanceof HttpException && error.getStatus() < 500) {
    const code = error.getStatus() === 404 ? 'ROUTE_UNKNOWN' : 'REQUEST_MALFORMED';
    return { status: error.getStatus(), code, message: error.message, details: {} };
  }
  if (error instanceof SyntaxError) {
    return {
      status: 400,
      code: 'REQUEST_MALFORMED',
      message: `The body is not JSON: ${error.message}`,
      details: {},
    };
  }
  return undefined;
}

export const INTERNAL: Refusal = {
  status: 500,
  code: 'INTERNAL',
  message: 'Something went wrong on our side; it has been recorded under the request id.',
  details: {},
};

/** RFC 9457. */
export const problemBody = (refusal: Refusal, requestId: string) => ({
  type: `urn:openledger:problem:${refusal.code.toLowerCase().replaceAll('_', '-')}`,
  title: refusal.code,
  status: refusal.status,
  detail: refusal.message,
  code: refusal.code,
  ...(Object.keys(refusal.details).length > 0 ? { details: refusal.details } : {}),
  requestId,
});

const OPENAI_TYPE: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  402: 'insufficient_quota',
  403: 'permission_error',
  404: 'not_found_error',
  429: 'rate_limit_error',
  500: 'server_error',
  503: 'server_error',
};

/** The error object of the OpenAI API; its clients read `code`, in lower case. */
export const openAiBody = (refusal: Refusal) => ({
  error: {
    message: refusal.message,
    type: OPENAI_TYPE[refusal.status] ?? 'invalid_request_error',
    param: refusal.details.param ?? null,
    code: refusal.code.toLowerCase(),
  },
});

function isBodyTooLarge(error: unknown): boolean {
  return (error as { type?: unknown } | null)?.type === 'entity.too.large';
}
