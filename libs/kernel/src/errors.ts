/** A bug in our own code. Never mapped to a client error: it is logged whole, and the caller learns nothing. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError';
}

/** @throws InvariantError when `holds` is false. */
export function invariant(holds: unknown, message: string): asserts holds {
  if (!holds) throw new InvariantError(message);
}

/** What a caller can do about a refusal; `service-host` maps each kind to one HTTP and one gRPC status. */
export type ErrorKind =
  | 'invalid'
  | 'unauthenticated'
  | 'payment-required'
  | 'forbidden'
  | 'not-found'
  | 'conflict'
  | 'precondition'
  | 'too-large'
  | 'exhausted'
  | 'unavailable';

export interface DomainErrorOptions {
  /** Machine-readable context, shown to the caller: never put secrets here. */
  readonly details?: Readonly<Record<string, string | number>>;
  readonly cause?: unknown;
}

/**
 * A refusal that a caller may react to. `code` (UPPER_SNAKE) is part of the public contract and never
 * changes its meaning; `message` is for people and says what to do next.
 */
export class DomainError extends Error {
  override readonly name = 'DomainError';
  readonly details: Readonly<Record<string, string | number>>;

  constructor(
    readonly kind: ErrorKind,
    readonly code: string,
    message: string,
    options: DomainErrorOptions = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.details = options.details ?? {};
  }
}
