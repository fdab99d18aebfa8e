import { DomainError, type ErrorKind } from '@openledger/kernel';

/** A DomainError on its way between threads; anything else that went wrong has the kind `internal`. */
export interface PlainError {
  readonly kind: ErrorKind | 'internal';
  readonly code: string;
  readonly message: string;
}

export function toPlain(error: unknown): PlainError {
  if (error instanceof DomainError) {
    const { kind, code, message } = error;
    return { kind, code, message };
  }
  return {
    kind: 'internal',
    code: 'INTERNAL',
    message: error instanceof Error ? error.message : String(error),
  };
}

export function fromPlain({ kind, code, message }: PlainError): Error {
  return kind === 'internal' ? new Error(message) : new DomainError(kind, code, message);
}
