import { DomainError } from '@openledger/kernel';
import type { PlainError } from './engine-messages.js';

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
