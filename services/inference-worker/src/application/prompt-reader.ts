import { DomainError, invariant } from '@openledger/kernel';
import type { ModelConfig, ServingSession } from '@openledger/transformer';
import { logitsOf } from './decoding-rows.js';
import type { PromptBlocks } from './prompt-blocks.js';
import type { Row } from './row.js';

export interface PromptReaderOptions {
  readonly session: Pick<ServingSession, 'step'>;
  readonly config: ModelConfig;
  /** Prompts are cut at multiples of this many tokens, whatever else is at work. */
  readonly prefillChunkTokens: number;
}

/** Reads prompts chunk by chunk, each row on its own: what a row computes never depends on another. */
export class PromptReader {
  readonly rows: Row[] = [];

  constructor(
    private readonly options: PromptReaderOptions,
    private readonly blocks: PromptBlocks,
  ) {}

  remove(row: Row): void {
    const index = this.rows.indexOf(row);
    if (index >= 0) this.rows.splice(index, 1);
  }

  /** Tokens that a tenant's rows have yet to read. */
  unread(tenant: string): number {
    const own = this.rows.filter((row) => row.tenant === tenant);
    return own.reduce((sum, row) => sum + row.tokens.length - row.prefilled, 0);
  }

  /** The first row of the tenant that was served least. What was computed before is taken first. */
  next(served: (tenant: string) => number): Row | undefined {
    let least: Row | undefined;
    for (const row of this.rows) {
      this.takeCached(row);
      if (!least || served(row.tenant) < served(least.tenant)) least = row;
    }
    return least;
  }

  /** Tokens of the row's next chunk. */
  chunkOf(row: Row): number {
    return Math.min(row.tokens.length - row.prefilled, this.options.prefillChunkTokens);
  }

  /** Whole chunks that were computed before. The last token is always read, for what follows it. */
  private takeCached(row: Row): void {
    const most = row.tokens.length - row.prefilled - 1;
    if (row.blocks.length === 0 || most < this.options.prefillChunkTokens) return;
    const cache = row.ownCache(this.options.config);
    const tokens = this.blocks.give(row.blocks, row.prefilled, { most, cache });
    row.prefilled += tokens;
    row.cachedTokens += tokens;
  }

  /** Computes the next chunk; the logits after its last token. */
  async read(row: Row): Promise<Float32Array> {
    const { session, config } = this.options;
    const start = row.prefilled;
    const chunk = row.tokens.slice(start, start + this.chunkOf(row));
    const cache = row.ownCache(config);
    const step = await session.step([row.stepOf(chunk)], cache, { hidden: row.answer === undefined });
    cache.append(0, step, 0, chunk.length);
    row.prefilled += chunk.length;
    this.blocks.keep(row.blocks, start, cache);
    if (!row.answer) {
      invariant(step.hidden, 'the step returned hidden states');
      for (const [index, value] of step.hidden.data.entries()) {
        row.hidden[index] = (row.hidden[index] ?? 0) + value;
      }
    }
    return logitsOf(step.logits.data, 0, config.vocabSize);
  }
}

/**
 * The direction of summed hidden states, which is that of their mean.
 *
 * @throws DomainError EMBEDDING_NOT_FINITE
 */
export function unitVector(sum: readonly number[]): Float32Array {
  const length = Math.sqrt(sum.reduce((squares, value) => squares + value * value, 0));
  if (length > 0 && Number.isFinite(length)) return Float32Array.from(sum, (value) => value / length);
  const message =
    'The model produced no finite numbers: the adapter is damaged or was trained to divergence.';
  throw new DomainError('unavailable', 'EMBEDDING_NOT_FINITE', message);
}
