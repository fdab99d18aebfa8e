import { HttpException } from '@nestjs/common';
import { DomainError, type ErrorKind } from '@openledger/kernel';
import { unstorableText } from '../unstorable-text.js';

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
  if (error instanceof DomainError) return refusalOf(error);
  if (error instanceof HttpException && error.getStatus() < 500) {
    const code = error.getStatus() === 404 ? 'ROUTE_UNKNOWN' : 'REQUEST_MALFORMED';
    return { status: error.getStatus(), code, message: error.message, details: {} };
  }
  const unstorable = unstorableText(error);
  return unstorable ? refusalOf(unstorable) : unreadableRequest(error);
}

const refusalOf = ({ kind, code, message, details }: DomainError): Refusal => ({
  status: HTTP_STATUS[kind],
  code,
  message,
  details,
});

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

/** Where OpenAI has a word of its own, that its clients look for. */
const OPENAI_CODE: Readonly<Record<string, string>> = {
  CREDENTIAL_MISSING: 'invalid_api_key',
  CREDENTIAL_UNKNOWN: 'invalid_api_key',
  CREDENTIAL_EXPIRED: 'invalid_api_key',
  CREDENTIAL_REVOKED: 'invalid_api_key',
  INSUFFICIENT_BALANCE: 'insufficient_quota',
  JSON_SCHEMA_INVALID: 'invalid_json_schema',
  JSON_SCHEMA_UNSUPPORTED: 'invalid_json_schema',
  JSON_SCHEMA_TOO_LARGE: 'invalid_json_schema',
};

/** Of refusals that come from services which do not know the parameters of REST. */
const OPENAI_PARAM: Readonly<Record<string, string>> = { invalid_json_schema: 'response_format' };

/** The error object of the OpenAI API; its clients read `code`, in lower case. */
export const openAiBody = (refusal: Refusal) => {
  const code = OPENAI_CODE[refusal.code] ?? refusal.code.toLowerCase();
  return {
    error: {
      message: refusal.message,
      type: OPENAI_TYPE[refusal.status] ?? 'invalid_request_error',
      param: refusal.details.param ?? OPENAI_PARAM[code] ?? null,
      code,
    },
  };
};

/** What Express and its body parser refuse: they mark what a caller may be told. */
function unreadableRequest(error: unknown): Refusal | undefined {
  if (!(error instanceof Error)) return undefined;
  const { status, type, expose } = error as { status?: unknown; type?: unknown; expose?: unknown };
  const isCallers = expose === true || error instanceof URIError;
  if (!isCallers || typeof status !== 'number' || status >= 500) return undefined;
  if (type === 'entity.too.large') {
    const message = 'The body is larger than this route accepts.';
    return { status, code: 'BODY_TOO_LARGE', message, details: {} };
  }
  const message = type === 'entity.parse.failed' ? `The body is not JSON: ${error.message}` : error.message;
  return { status, code: 'REQUEST_MALFORMED', message, details: {} };
}
