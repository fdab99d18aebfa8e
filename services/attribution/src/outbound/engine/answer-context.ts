import { sha256 } from '@openledger/kernel';
import { contextChunkText, type TextTokenizer } from '@openledger/transformer';
import type { RecordOwner } from '../../application/record-registry.js';
import { contentHash } from '../../domain/retrieval/chunk-content.js';
import type { Chunk } from '../../domain/retrieval/players.js';
import type { ContextRange } from '../context-ranges.js';

/** An answer as it was served. */
export interface AnswerWithContext {
  readonly requestId: string;
  readonly promptTokens: readonly number[];
  readonly completionTokens: readonly number[];
  readonly context: readonly ContextRange[];
}

/**
 * Reads what the chunks of a prompt say and whose that is. A chunk belongs to the owner of the record that it names only
 * where it says what the record says, and only while he has not taken it back.
 */
export function chunksOf(
  tokenizer: TextTokenizer,
  { promptTokens, context }: Pick<AnswerWithContext, 'promptTokens' | 'context'>,
  owners: ReadonlyMap<string, RecordOwner>,
): Chunk[] {
  return context.map(({ recordId, start, end }) => {
    const tokens = promptTokens.slice(start, end);
    const text = contextChunkText(tokenizer, tokens);
    const content = text === undefined ? sha256(tokens.join()) : contentHash(text);
    const owner = owners.get(recordId);
    const isHis = owner !== undefined && !owner.withdrawnAt && owner.contentHashes.includes(content);
    return { content, ...(isHis && { owner }) };
  });
}
