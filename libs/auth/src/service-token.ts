import { timingSafeEqual } from 'node:crypto';
import { DomainError, sha256 } from '@openledger/kernel';

/** gRPC metadata by which one service shows another that it belongs to the platform. */
export const SERVICE_TOKEN_HEADER = 'x-openledger-service-token';

/** Compares in constant time, whatever the lengths. */
export function sameSecret(a: string, b: string): boolean {
  return timingSafeEqual(Buffer.from(sha256(a)), Buffer.from(sha256(b)));
}

/** What a service answers to a caller that is none of the platform. */
export const SERVICE_TOKEN_INVALID = 'SERVICE_TOKEN_INVALID';

export interface ErrorLog {
  error(details: object, message: string): void;
}

/**
 * Another service refused this one's token: a fault of the operator, which is logged as one. Whoever called
 * from outside did nothing wrong and must not be told that his credential is bad.
 */
export function platformMisconfigured(log: ErrorLog, cause: unknown): DomainError {
  log.error(
    { err: cause },
    'a service of the platform refuses our SERVICE_TOKEN: give all services the same',
  );
  const message = 'A part of the platform is set up wrongly: its operator has to repair it.';
  return new DomainError('unavailable', 'PLATFORM_MISCONFIGURED', message, { cause });
}
