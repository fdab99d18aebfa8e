import { InvariantError, invariant } from '@openledger/kernel';
import type { ModelConfig, Tensor } from '../model.js';

/** Keys and values of the tokens of one step, by layer, each [rows, kv heads, time, head size]. */
export interface FreshKeyValues {
  readonly keys: readonly Tensor[];
  readonly values: readonly Tensor[];
}

export type KvShape = Pick<ModelConfig, 'layerCount' | 'kvHeadCount' | 'headDim'>;

/** Tokens by which strips grow: few reallocations, few distinct shapes for the runtime to plan. */
const growthTokens = 128;

/** Tokens that a strip has room for when it holds `tokens`. */
export const stripTokens = (tokens: number): number => Math.ceil(tokens / growthTokens) * growthTokens;

/** Numbers, keys and values of all layers together, that one token takes. */
export const kvNumbersPerToken = ({ layerCount, kvHeadCount, headDim }: KvShape): number =>
  2 * layerCount * kvHeadCount * headDim;

/**
 * Cached keys and values of the rows of a batch, one contiguous strip a row, so that the runtime reads
 * them in place. Rows are dense: freeing one moves the last into its place. All strips have the length
 * that the longest row needs, because steps read them to the end; memory is that of the rows at hand.
 */
export class KvCache {
  #capacity = 0;
  /** Rows that the strips have room for. */
  #room = 0;
  #strips: { keys: Float32Array; values: Float32Array }[];
  readonly #lengths: number[] = [];

  constructor(
    private readonly config: KvShape,
    /** Most rows held at once. */
    readonly maxRows: number,
  ) {
    this.#strips = this.#empty();
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
    const row = this.#lengths.push(0) - 1;
    if (this.#capacity > 0 && row >= this.#room) this.#resize(this.#capacity, row + 1);
    return row;
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
    this.#shrink();
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

  /** Appends all that a row of another cache of the same shape holds. */
  appendRow(row: number, other: KvCache, from: number): void {
    const layers = [...this.#strips.keys()].map((layer) => other.layer(layer));
    const whole = { keys: layers.map(({ key }) => key), values: layers.map(({ value }) => value) };
    this.append(row, whole, from, other.lengthOf(from));
  }

  /**
   * Copies tokens of a row out: `kvNumbersPerToken` numbers each, as
   * [layer, key and value, kv head, token, head size].
   */
  copyOut(row: number, start: number, count: number): Float32Array {
    const { kvHeadCount, headDim } = this.config;
    invariant(start + count <= this.lengthOf(row), 'only tokens that are cached are copied');
    const copy = new Float32Array(count * kvNumbersPerToken(this.config));
    let at = 0;
    for (const { keys, values } of this.#strips) {
      for (const part of [keys, values]) {
        for (let head = 0; head < kvHeadCount; head += 1) {
          const source = ((row * kvHeadCount + head) * this.#capacity + start) * headDim;
          copy.set(part.subarray(source, source + count * headDim), at);
          at += count * headDim;
        }
      }
    }
    return copy;
  }

  /** Appends what {@link copyOut} gave. */
  appendCopy(row: number, copy: Float32Array): void {
    const { kvHeadCount, headDim } = this.config;
    const count = copy.length / kvNumbersPerToken(this.config);
    const size = kvHeadCount * count * headDim;
    const tensor = (part: number): Tensor => ({
      shape: [1, kvHeadCount, count, headDim],
      data: copy.subarray(part * size, (part + 1) * size),
    });
    const layers = [...this.#strips.keys()];
    const keys = layers.map((layer) => tensor(2 * layer));
    this.append(row, { keys, values: layers.map((layer) => tensor(2 * layer + 1)) }, 0, count);
  }

  /** Makes every strip able to hold `tokens`. */
  reserve(tokens: number): void {
    const capacity = Math.max(this.#capacity, stripTokens(tokens));
    if (capacity === this.#capacity && this.rows <= this.#room) return;
    this.#resize(capacity, Math.max(this.rows, this.#room));
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

  #empty(): { keys: Float32Array; values: Float32Array }[] {
    return Array.from({ length: this.config.layerCount }, () => ({
      keys: new Float32Array(0),
      values: new Float32Array(0),
    }));
  }

  /**
   * Gives back what a long row that has left needed. Not for less than half: a copy of everything pays only
   * when many steps read the shorter strips.
   */
  #shrink(): void {
    if (this.rows === 0) {
      this.#strips = this.#empty();
      this.#capacity = 0;
      this.#room = 0;
      return;
    }
    const needed = stripTokens(Math.max(...this.#lengths, 1));
    if (2 * needed <= this.#capacity) this.#resize(needed, this.rows);
  }

  #resize(capacity: number, room: number): void {
    // One by one, so that only one of them exists twice.
    for (const strip of this.#strips) {
      strip.keys = this.#moved(strip.keys, capacity, room);
      strip.values = this.#moved(strip.values, capacity, room);
    }
    this.#capacity = capacity;
    this.#room = room;
  }

  #moved(old: Float32Array, capacity: number, room: number): Float32Array {
    const { kvHeadCount, headDim } = this.config;
    const moved = new Float32Array(room * this.#stripSize(capacity));
    const kept = Math.min(this.#capacity, capacity) * headDim;
    const heads = Math.min(this.rows, this.#room) * kvHeadCount;
    for (let head = 0; head < heads; head += 1) {
      const source = head * this.#capacity * headDim;
      moved.set(old.subarray(source, source + kept), head * capacity * headDim);
    }
    return moved;
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
