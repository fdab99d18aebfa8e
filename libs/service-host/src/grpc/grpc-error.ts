import { Metadata, type ServerErrorResponse, status } from '@grpc/grpc-js';
import { type ErrorLog, platformMisconfigured, SERVICE_TOKEN_INVALID } from '@openledger/auth';
import { DomainError, type ErrorKind } from '@openledger/kernel';
import type { Logger } from 'pino';
import { unstorableText } from '../unstorable-text.js';

const STATUS: Record<ErrorKind, status> = {
  invalid: status.INVALID_ARGUMENT,
  unauthenticated: status.UNAUTHENTICATED,
  'payment-required': status.FAILED_PRECONDITION,
  forbidden: status.PERMISSION_DENIED,
  'not-found': status.NOT_FOUND,
  conflict: status.ABORTED,
  precondition: status.FAILED_PRECONDITION,
  'too-large': status.INVALID_ARGUMENT,
  exhausted: status.RESOURCE_EXHAUSTED,
  unavailable: status.UNAVAILABLE,
};

const KIND = new Map<number, ErrorKind>([
  [status.INVALID_ARGUMENT, 'invalid'],
  [status.UNAUTHENTICATED, 'unauthenticated'],
  [status.PERMISSION_DENIED, 'forbidden'],
  [status.NOT_FOUND, 'not-found'],
  [status.ABORTED, 'conflict'],
  [status.FAILED_PRECONDITION, 'precondition'],
  [status.RESOURCE_EXHAUSTED, 'exhausted'],
  [status.UNAVAILABLE, 'unavailable'],
]);

/** The message carries `CODE: text`, so that clients without rich errors still get the stable code. */
export function toStatus(error: unknown, log: Logger): Partial<ServerErrorResponse> & { message: string } {
  const refusal = error instanceof DomainError ? error : unstorableText(error);
  if (refusal) {
    const text = `${refusal.code}: ${refusal.message}`;
    return Object.assign(new Error(text), {
      code: STATUS[refusal.kind],
      details: text,
      metadata: metadataOf(refusal),
    });
  }
  log.error({ err: error }, 'gRPC call failed');
  const text = 'INTERNAL: something went wrong on our side';
  return Object.assign(new Error(text), { code: status.INTERNAL, details: text });
}

/** `retry-after` in seconds, as in HTTP, where the refusal passes with time. */
function metadataOf({ details }: DomainError): Metadata {
  const metadata = new Metadata();
  if (details.retryAfterSeconds !== undefined) metadata.set('retry-after', String(details.retryAfterSeconds));
  return metadata;
}

/** What a client of gRPC is told when a call fails. */
export interface CallFailure {
  readonly code: number;
  readonly details: string;
  readonly metadata?: Metadata;
}

/** Refusals that gRPC has no status of their own for. */
const FOR_WANT_OF_MONEY: ReadonlySet<string> = new Set(['INSUFFICIENT_BALANCE', 'BUDGET_EXCEEDED']);

/** The other way round, for a client inside the platform: a status becomes the DomainError it came from. */
export function fromStatus(error: CallFailure, log: ErrorLog): DomainError {
  const kind = KIND.get(error.code);
  const [, code, text] = /^([A-Z][A-Z0-9_]+): ([\s\S]*)$/.exec(error.details) ?? [];
  if (kind === undefined || code === undefined) {
    const message = 'A part of the platform does not answer: try again shortly.';
    return new DomainError('unavailable', 'UPSTREAM_UNAVAILABLE', message, { cause: error });
  }
  if (code === SERVICE_TOKEN_INVALID) return platformMisconfigured(log, error);
  const payment = FOR_WANT_OF_MONEY.has(code) ? 'payment-required' : kind;
  return new DomainError(payment, code, text ?? '', { cause: error, details: detailsOf(error) });
}

function detailsOf({ metadata }: CallFailure): { retryAfterSeconds?: number } {
  const [told] = metadata?.get('retry-after') ?? [];
  return told !== undefined && /^\d{1,9}$/.test(told.toString()) ? { retryAfterSeconds: Number(told) } : {};
}
