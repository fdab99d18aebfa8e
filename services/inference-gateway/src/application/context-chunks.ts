import { DomainError } from '@openledger/kernel';
import type { ContextChunk } from './ports.js';

/** Of one request. Attribution scores an answer with and without each of them. */
export const CONTEXT_CHUNKS_MAX = 16;
/** Of all chunks together; what the model's context holds may be less. */
export const CONTEXT_CHARACTERS_MAX = 65_536;

/** @throws DomainError CONTEXT_TOO_LARGE, CONTEXT_INVALID */
export function checkContext(chunks: readonly ContextChunk[]): readonly ContextChunk[] {
  if (chunks.length > CONTEXT_CHUNKS_MAX)
    throw tooLarge(`${chunks.length} chunks are more than the ${CONTEXT_CHUNKS_MAX} that a request may have`);
  const characters = chunks.reduce((sum, { text }) => sum + text.length, 0);
  if (characters > CONTEXT_CHARACTERS_MAX)
    throw tooLarge(`The chunks have ${characters} characters together, of ${CONTEXT_CHARACTERS_MAX} allowed`);
  for (const [at, { recordId, text }] of chunks.entries()) {
    if (text.trim() === '') throw invalid(at, 'has no text');
    if (recordId !== undefined && !/^[0-9a-f]{64}$/.test(recordId))
      throw invalid(at, 'names a record by something else than its id, which is a SHA-256 in lower case');
  }
  return chunks;
}

const tooLarge = (message: string): DomainError =>
  new DomainError('invalid', 'CONTEXT_TOO_LARGE', `${message}: send the most relevant ones.`, {
    details: { param: 'context' },
  });

const invalid = (at: number, problem: string): DomainError =>
  new DomainError('invalid', 'CONTEXT_INVALID', `Chunk ${at} of the context ${problem}.`, {
    details: { param: 'context' },
  });
