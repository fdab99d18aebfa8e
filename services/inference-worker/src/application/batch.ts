import { invariant } from '@openledger/kernel';
import {
  KvCache,
  type ModelConfig,
  type ServingRow,
  type ServingSession,
  type ServingStep,
  seededRandom,
} from '@openledger/transformer';
import { BatchRow, type RowModel, type RowRequest } from './batch-row.js';
import type { GenerationPiece } from './generation.js';

export interface BatchOptions {
  readonly session: ServingSession;
  readonly config: ModelConfig;
  readonly model: RowModel;
  readonly rowsMax: number;
  readonly prefillChunkTokens: number;
}

/** What a batch tells of its requests; after the last piece or a failure it knows the request no more. */
export interface BatchListener {
  readonly piece: (id: number, piece: GenerationPiece) => void;
  readonly failed: (id: number, error: unknown) => void;
}

/**
 * Continuous batching (Orca, Yu et al. 2022) over rows of different adapters. Each tick decodes every
 * running row in one step, then reads one chunk of one prompt: running answers are not held up by new
 * prompts for longer than a chunk takes.
 */
export class Batch {
  /** Row i of the cache. */
  private readonly running: BatchRow[] = [];
  private readonly waiting: RowRequest[] = [];
  private prefill: { readonly row: BatchRow; readonly cache: KvCache } | undefined;
  private readonly cache: KvCache;

  constructor(
    private readonly options: BatchOptions,
    private readonly listener: BatchListener,
  ) {
    this.cache = new KvCache(options.config, options.rowsMax);
  }

  get load(): { readonly running: number; readonly waiting: number } {
    return { running: this.running.length + (this.prefill ? 1 : 0), waiting: this.waiting.length };
  }

  add(request: RowRequest): void {
    this.waiting.push(request);
  }

  /** Frees the request's place; nothing more is told of it. Not to be called during a tick. */
  cancel(id: number): void {
    const queued = this.waiting.findIndex((request) => request.id === id);
    if (queued >= 0) this.waiting.splice(queued, 1);
    else if (this.prefill?.row.id === id) this.prefill = undefined;
    else {
      const row = this.running.findIndex((candidate) => candidate.id === id);
      if (row >= 0) this.drop(row);
    }
  }

  /** One decoding step and one chunk of a prompt. False when there is nothing to do. */
  async tick(): Promise<boolean> {
    if (this.running.length > 0) await this.decode();
    this.admit();
    if (this.prefill) await this.readChunk(this.prefill.row, this.prefill.cache);
    return this.running.length + this.waiting.length > 0 || this.prefill !== undefined;
  }

  private async decode(): Promise<void> {
    const rows = this.running.map((row) => servingRow([row.lastToken], row));
    let step: ServingStep;
    try {
      step = await this.options.session.step(rows, this.cache);
    } catch (error) {
      for (const { id } of this.running.splice(0)) this.listener.failed(id, error);
      while (this.cache.rows > 0) this.cache.removeRow(this.cache.rows - 1);
      return;
    }
    for (const index of this.running.keys()) this.cache.append(index, step, index, 1);
    // From the last to the first: a row that ends is replaced by the last, which was told already.
    for (let index = this.running.length - 1; index >= 0; index -= 1) {
      const row = this.running[index];
      invariant(row, 'rows are dense');
      if (!this.advance(row, logitsOf(step, index))) this.drop(index);
    }
  }

  /** Tells the row's next token; false when the row has ended. */
  private advance(row: BatchRow, logits: Float32Array): boolean {
    try {
      const piece = row.next(logits);
      this.listener.piece(row.id, piece);
      return piece.finishReason === '';
    } catch (error) {
      this.listener.failed(row.id, error);
      return false;
    }
  }

  private admit(): void {
    if (this.prefill || this.running.length >= this.options.rowsMax) return;
    const request = this.waiting.shift();
    if (!request) return;
    const { model, config } = this.options;
    const row = new BatchRow(request, model, seededRandom(request.sampling.seed));
    this.prefill = { row, cache: new KvCache(config, 1) };
    this.prefill.cache.addRow();
  }

  private async readChunk(row: BatchRow, cache: KvCache): Promise<void> {
    const end = Math.min(row.prefilled + this.options.prefillChunkTokens, row.promptTokens.length);
    const chunk = row.promptTokens.slice(row.prefilled, end);
    try {
      const step = await this.options.session.step([servingRow(chunk, row)], cache);
      cache.append(0, step, 0, chunk.length);
      row.prefilled = end;
      if (end < row.promptTokens.length) return;
      this.prefill = undefined;
      if (this.advance(row, logitsOf(step, 0))) this.join(row, cache);
    } catch (error) {
      this.prefill = undefined;
      this.listener.failed(row.id, error);
    }
  }

  /** Moves a prompt's keys and values into the batch. */
  private join(row: BatchRow, cache: KvCache): void {
    const layers = [...Array(this.options.config.layerCount).keys()].map((layer) => cache.layer(layer));
    const whole = { keys: layers.map(({ key }) => key), values: layers.map(({ value }) => value) };
    const index = this.cache.addRow();
    this.cache.append(index, whole, 0, row.promptTokens.length);
    this.running[index] = row;
  }

  private drop(index: number): void {
    const moved = this.cache.removeRow(index);
    const last = this.running.pop();
    if (moved !== undefined && last) this.running[index] = last;
  }
}

const servingRow = (tokens: readonly number[], { adapter }: BatchRow): ServingRow =>
  adapter ? { tokens, adapter } : { tokens };

/** The logits of one row of a step, [vocabulary]. */
function logitsOf({ logits }: ServingStep, row: number): Float32Array {
  const width = logits.shape[1] ?? 0;
  return logits.data.subarray(row * width, (row + 1) * width);
}
