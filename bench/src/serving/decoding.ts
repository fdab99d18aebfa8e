import {
  KvCache,
  type ModelConfig,
  type PackedAdapter,
  packAdapter,
  ServingSession,
  type Weights,
} from '@openledger/transformer';
import { randomAdapter } from './random-model.js';

export interface DecodingOptions {
  readonly precision: 'float32' | 'int8';
  /** Adapters to hold, each of this rank on all linear layers. */
  readonly adapters: number;
  readonly rank: number;
  /** Tokens that every row has read before. */
  readonly past: number;
  readonly threads: number;
}

/** The engine alone, one greedy token a row and step, as a peer's decoding loop has it. */
export class Decoding {
  private readonly caches = new Map<number, KvCache>();

  private constructor(
    private readonly session: ServingSession,
    private readonly model: ModelConfig,
    readonly adapters: readonly PackedAdapter[],
    private readonly past: number,
  ) {}

  static async open(model: ModelConfig, weights: Weights, options: DecodingOptions): Promise<Decoding> {
    const { adapters: count, rank, precision, threads } = options;
    const session = await ServingSession.open(model, weights, {
      maxLength: 2_048,
      threads,
      // The peers' threads busy-wait as well.
      spin: true,
      precision,
      adapterPages: Math.max(1, (count * rank) / 8),
    });
    const adapters = Array.from({ length: count }, (_, index) =>
      packAdapter(model, randomAdapter(model, { rank, seed: index + 1 }), {
        packing: session.adapters.packing,
      }),
    );
    for (const adapter of adapters) session.adapters.load(adapter);
    return new Decoding(session, model, adapters, options.past);
  }

  /** Milliseconds for `tokens` tokens of each row; row i uses adapter i, or none. */
  async round(rows: number, tokens: number, adapted: boolean): Promise<number> {
    const cache = this.caches.get(rows) ?? (await this.filled(rows));
    this.caches.set(rows, cache);
    let last = Array.from({ length: rows }, (_, row) => row + 1);
    const begun = performance.now();
    for (let token = 0; token < tokens; token += 1) {
      const step = await this.session.step(
        last.map((id, row) => {
          const adapter = adapted ? this.adapters[row] : undefined;
          return adapter ? { tokens: [id], adapters: [{ adapter, weight: 1 }] } : { tokens: [id] };
        }),
        cache,
      );
      for (let row = 0; row < rows; row += 1) cache.append(row, step, row, 1);
      const width = this.model.vocabSize;
      last = last.map((_, row) => likeliest(step.logits.data.subarray(row * width, (row + 1) * width)));
    }
    return performance.now() - begun;
  }

  release(): Promise<void> {
    return this.session.release();
  }

  private async filled(rows: number): Promise<KvCache> {
    const cache = new KvCache(this.model, rows);
    const tokens = Array.from({ length: this.past }, (_, at) => at + 1);
    const alone = new KvCache(this.model, 1);
    alone.addRow();
    const step = await this.session.step([{ tokens }], alone);
    for (let row = 0; row < rows; row += 1) cache.append(cache.addRow(), step, 0, this.past);
    return cache;
  }
}

function likeliest(logits: Float32Array): number {
  let best = 0;
  for (let token = 1; token < logits.length; token += 1) {
    if ((logits[token] ?? 0) > (logits[best] ?? 0)) best = token;
  }
  return best;
}
