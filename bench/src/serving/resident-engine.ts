import {
  KvCache,
  type ModelConfig,
  type PackedAdapter,
  packAdapter,
  type RowAdapter,
  ServingSession,
  type Weights,
} from '@openledger/transformer';
import { type RandomAdapterShape, randomAdapter, randomWeights } from './random-model.js';

/** Layers in 8 bits: the engine of processors with 8-bit dot products. */
export const PRECISION = 'int8';

export interface ResidentOptions {
  readonly adapterPages: number;
  readonly threads: number;
  readonly past: number;
  readonly precision?: 'float32' | 'int8';
  /** Those of the model where two engines share them. */
  readonly weights?: Weights;
}

/** The engine alone, with rows that have read `past` tokens and adapters that are in its pool. */
export class ResidentEngine {
  private constructor(
    private readonly model: ModelConfig,
    private readonly session: ServingSession,
    private readonly read: KvCache,
    private readonly past: number,
  ) {}

  static async open(model: ModelConfig, options: ResidentOptions): Promise<ResidentEngine> {
    const { adapterPages, threads, past, precision = PRECISION, weights = randomWeights(model) } = options;
    const session = await ServingSession.open(model, weights, {
      maxLength: past + 512,
      threads,
      // As the threads of the peers do.
      spin: true,
      precision,
      adapterPages,
    });
    const tokens = Array.from({ length: past }, (_, at) => at + 1);
    const read = new KvCache(model, 1);
    read.append(read.addRow(), await session.step([{ tokens }]), 0, past);
    return new ResidentEngine(model, session, read, past);
  }

  load(shape: RandomAdapterShape): PackedAdapter {
    const adapter = packAdapter(this.model, randomAdapter(this.model, shape), {
      packing: this.session.adapters.packing,
    });
    this.session.adapters.load(adapter);
    return adapter;
  }

  rows(count: number): KvCache {
    const cache = new KvCache(this.model, count);
    for (let row = 0; row < count; row += 1) cache.appendRow(cache.addRow(), this.read, 0);
    return cache;
  }

  /** Milliseconds of one decoding step, the row's next token added to nothing: every step costs the same. */
  async step(cache: KvCache, adapters: readonly (PackedAdapter | undefined)[]): Promise<number> {
    const rows = adapters.map((adapter, row) => {
      const own: RowAdapter[] = adapter ? [{ adapter, weight: 1 }] : [];
      return { tokens: [row + this.past], adapters: own };
    });
    const begun = performance.now();
    await this.session.step(rows, cache);
    return performance.now() - begun;
  }

  /** Milliseconds for some greedy tokens of every row, each read again before the next, as a peer's loop has it. */
  async decode(
    cache: KvCache,
    adapters: readonly (PackedAdapter | undefined)[],
    tokens: number,
  ): Promise<number> {
    const width = this.model.vocabSize;
    let last = adapters.map((_, row) => row + this.past);
    const begun = performance.now();
    for (let token = 0; token < tokens; token += 1) {
      const rows = adapters.map((adapter, row) => {
        const own: RowAdapter[] = adapter ? [{ adapter, weight: 1 }] : [];
        return { tokens: [last[row] ?? 0], adapters: own };
      });
      const step = await this.session.step(rows, cache);
      for (let row = 0; row < rows.length; row += 1) cache.append(row, step, row, 1);
      last = last.map((_, row) => likeliest(step.logits.data.subarray(row * width, (row + 1) * width)));
    }
    return performance.now() - begun;
  }

  release(): Promise<void> {
    return this.session.release();
  }
}

function likeliest(logits: Float32Array): number {
  let best = 0;
  for (let token = 1; token < logits.length; token += 1) {
    if ((logits[token] ?? 0) > (logits[best] ?? 0)) best = token;
  }
  return best;
}
