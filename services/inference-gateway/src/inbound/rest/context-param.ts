import { z } from 'zod';
import { checkContext } from '../../application/context-chunks.js';
import type { ContextChunk } from '../../application/ports.js';

/** Not in OpenAI's API: chunks that were retrieved for the question, whose contributors are to be credited. */
export const contextParameter = z
  .array(z.strictObject({ record_id: z.string().nullish(), text: z.string() }))
  .nullish();

/** @throws DomainError CONTEXT_TOO_LARGE, CONTEXT_INVALID */
export const contextOf = (given: z.infer<typeof contextParameter>): readonly ContextChunk[] =>
  checkContext(
    (given ?? []).map(({ record_id, text }) => ({ ...(record_id && { recordId: record_id }), text })),
  );
