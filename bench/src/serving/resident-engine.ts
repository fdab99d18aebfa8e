import {
  KvCache,
  type ModelConfig,
  type PackedAdapter,
  packAdapter,
  type RowAdapter,
  ServingSession,
} from '@openledger/transformer';
import { type RandomAdapterShape, randomAdapter, randomWeights } from './random-model.js';

/** Layers in 8 bits: the engine of processors with 8-bit dot products. */
export const PRECISION = 'int8';

/** The engine alone, with rows that have read `past` tokens and adapters that are in its pool. */
export class ResidentEngine {
  private constructor(
    private readonly model: ModelConfig,
    private readonly session: ServingSession,
    private readonly read: KvCache,
    private readonly past: number,
  ) {}

  static async open(
    model: ModelConfig,
    options: { readonly adapterPages: number; readonly threads: number; readonly past: number },
  ): Promise<ResidentEngine> {
    const { adapterPages, threads, past } = options;
    const session = await ServingSession.open(model, randomWeights(model), {
      maxLength: 2 * past,
      threads,
      spin: true,
      precision: PRECISION,
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

  release(): Promise<void> {
    return this.session.release();
  }
}

/** The value that a quarter of the measurements stays below: what a step takes when nothing disturbs it. */
export function lowerQuartile(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 2] ?? Number.NaN;
}
