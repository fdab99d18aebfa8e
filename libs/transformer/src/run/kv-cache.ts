import { InvariantError, invariant } from '@openledger/kernel';
import type { ModelConfig, Tensor } from '../model.js';

/** Keys and values of the tokens of one step, by layer, each [rows, kv heads, time, head size]. */
export interface FreshKeyValues {
  readonly keys: readonly Tensor[];
  readonly values: readonly Tensor[];
}

/** Tokens by which strips grow: few reallocations, few distinct shapes for the runtime to plan. */
const growthTokens = 128;

/**
 * Cached keys and values of the rows of a batch, one contiguous strip a row, so that the runtime reads
 * them in place. Rows are dense: freeing one moves the last into its place.
 */
export class KvCache {
  #capacity = 0;
  #strips: { keys: Float32Array; values: Float32Array }[];
  readonly #lengths: number[] = [];

  constructor(
    private readonly config: Pick<ModelConfig, 'layerCount' | 'kvHeadCount' | 'headDim'>,
    /** Most rows held at once. */
    readonly maxRows: number,
  ) {
    this.#strips = Array.from({ length: config.layerCount }, () => ({
      keys: new Float32Array(0),
      values: new Float32Array(0),
    }));
  }

  get rows(): number {
    return this.#lengths.length;
  }

  /** Tokens a strip can hold; the `past` size of the next step. */
  get capacity(): number {
    return this.#capacity;
  }

  /** Tokens cached in a row. */
  lengthOf(row: number): number {
    const length = this.#lengths[row];
    if (length === undefined) throw new InvariantError(`the cache has no row ${row}`);
    return length;
  }

  /** Adds an empty row and returns its number. */
  addRow(): number {
    invariant(this.#lengths.length < this.maxRows, `the cache holds ${this.maxRows} rows already`);
    return this.#lengths.push(0) - 1;
  }

  /** Frees a row; returns the number of the row that moved into its place, or undefined. */
  removeRow(row: number): number | undefined {
    this.lengthOf(row);
    const last = this.#lengths.length - 1;
    const size = this.#stripSize(this.#capacity);
    for (const { keys, values } of this.#strips) {
      for (const part of [keys, values]) {
        part.copyWithin(row * size, last * size, (last + 1) * size);
        // Masked, not skipped, by attention: what an overflow left here would reach the next row.
        part.fill(0, last * size, (last + 1) * size);
      }
    }
    this.#lengths[row] = this.lengthOf(last);
    this.#lengths.pop();
    return row === last ? undefined : last;
  }

  /** Appends the first `count` new tokens of row `from` of a step to `row`. */
  append(row: number, fresh: FreshKeyValues, from: number, count: number): void {
    const length = this.lengthOf(row);
    this.reserve(length + count);
    for (const [layer, strip] of this.#strips.entries()) {
      this.#copy(strip.keys, row, fresh.keys[layer], { from, count });
      this.#copy(strip.values, row, fresh.values[layer], { from, count });
    }
    this.#lengths[row] = length + count;
  }

  /** Makes every strip able to hold `tokens`. */
  reserve(tokens: number): void {
    if (tokens <= this.#capacity) return;
    const capacity = Math.ceil(tokens / growthTokens) * growthTokens;
    this.#strips = this.#strips.map(({ keys, values }) => ({
      keys: this.#widened(keys, capacity),
      values: this.#widened(values, capacity),
    }));
    this.#capacity = capacity;
  }

  /** The strips of all rows of a layer, borrowed: [rows, kv heads, capacity, head size]. */
  layer(layer: number): { readonly key: Tensor; readonly value: Tensor } {
    const strip = this.#strips[layer];
    invariant(strip, `the cache has no layer ${layer}`);
    const { kvHeadCount, headDim } = this.config;
    const shape = [this.rows, kvHeadCount, this.#capacity, headDim];
    const end = this.rows * this.#stripSize(this.#capacity);
    return {
      key: { shape, data: strip.keys.subarray(0, end) },
      value: { shape, data: strip.values.subarray(0, end) },
    };
  }

  #stripSize(capacity: number): number {
    return this.config.kvHeadCount * capacity * this.config.headDim;
  }

  #widened(old: Float32Array, capacity: number): Float32Array {
    const { kvHeadCount, headDim } = this.config;
    const wide = new Float32Array(this.maxRows * this.#stripSize(capacity));
    const width = this.#capacity * headDim;
    for (let head = 0; head < this.rows * kvHeadCount; head += 1) {
      wide.set(old.subarray(head * width, (head + 1) * width), head * capacity * headDim);
    }
    return wide;
  }

  #copy(
    target: Float32Array,
    row: number,
    fresh: Tensor | undefined,
    part: { readonly from: number; readonly count: number },
  ): void {
    const { kvHeadCount, headDim } = this.config;
    invariant(fresh, 'a step returned fewer layers than the cache has');
    const time = fresh.shape[2] ?? 0;
    const start = this.lengthOf(row);
    for (let head = 0; head < kvHeadCount; head += 1) {
      const source = (part.from * kvHeadCount + head) * time * headDim;
      const to = ((row * kvHeadCount + head) * this.#capacity + start) * headDim;
      target.set(fresh.data.subarray(source, source + part.count * headDim), to);
    }
  }
}
