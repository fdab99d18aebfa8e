import { DomainError } from '@openledger/kernel';
import { Columns } from './columns.js';
import { checkVectorLength, quantiseRowInto } from './quantise.js';
import type { RowBlock } from './row-block.js';
import { ScanMemory } from './scan-memory.js';

/** One row before it is quantised. */
export interface VectorRow {
  readonly vector: ArrayLike<number>;
  /** Number of the training record; several rows may have the same. */
  readonly record: number;
  /** Number of the content cluster. */
  readonly cluster: number;
}

/** Rows that are stored together and never change, but for those removed. */
export interface Shard {
  readonly start: number;
  readonly rows: number;
  readonly dead: number;
  /** Another object whenever the content of the rows is another; says nothing else. */
  readonly version: object;
}

/** Of all shards together. */
export const INDEX_ROWS_MAX = 2 ** 24;
/** A shard is written anew without its removed rows when they are this share of it. */
const DEAD_SHARE_MAX = 0.2;

/**
 * Quantised vectors in memory in the order of their arrival, in shards. A shard that is no longer than the one after it is
 * joined with it, so that n rows lie in at most log₂ n shards, and each row is rewritten at most log₂ n times.
 */
export class VectorTable {
  readonly columns = new Columns();
  readonly vectors: ScanMemory;
  private list: Shard[] = [];

  /** @param k numbers of a vector */
  constructor(readonly k: number) {
    checkVectorLength(k);
    this.vectors = new ScanMemory(k);
  }

  get shards(): readonly Shard[] {
    return this.list;
  }

  /** With the removed ones. */
  get rows(): number {
    const last = this.list.at(-1);
    return last ? last.start + last.rows : 0;
  }

  get liveRows(): number {
    return this.list.reduce((sum, { rows, dead }) => sum + rows - dead, 0);
  }

  /**
   * Adds rows as a new shard. A row that is refused leaves the table as it was.
   *
   * @throws DomainError VECTOR_LENGTH, VECTOR_NOT_FINITE, ROW_NUMBER, INDEX_TOO_LARGE
   */
  append(rows: Iterable<VectorRow>): void {
    const start = this.rows;
    let at = start;
    for (const { vector, record, cluster } of rows) {
      if (vector.length !== this.k) {
        throw new DomainError(
          'invalid',
          'VECTOR_LENGTH',
          `A vector has ${vector.length} numbers, not ${this.k}.`,
        );
      }
      checkNumber(record, 'record');
      checkNumber(cluster, 'cluster');
      this.reserve(at + 1);
      const scale = quantiseRowInto(this.vectors.bytes(at, 1), vector);
      this.columns.write(at, {
        scales: Float32Array.of(scale),
        clusters: Uint32Array.of(cluster),
        records: Uint32Array.of(record),
      });
      at++;
    }
    this.adopt(at - start, new Uint8Array(0));
    this.join();
  }

  /** Adds a stored shard as it is; the table stays as it was when a block fails. */
  async appendShard(blocks: AsyncIterable<RowBlock>, dead: Uint8Array): Promise<Shard | undefined> {
    const start = this.rows;
    let at = start;
    for await (const block of blocks) {
      const count = block.scales.length;
      this.reserve(at + count);
      this.vectors.bytes(at, count).set(block.vectors);
      this.columns.write(at, block);
      at += count;
    }
    return this.adopt(at - start, dead);
  }

  /** Removes every row of these records, and says how many there were. */
  remove(records: Iterable<number>): number {
    const gone = new Set(records);
    const { dead, records: own } = this.columns;
    let removed = 0;
    this.list = this.list.map((shard) => {
      let here = 0;
      for (let row = shard.start; row < shard.start + shard.rows; row++) {
        if (dead[row] === 1 || !gone.has(own[row] ?? -1)) continue;
        dead[row] = 1;
        here++;
      }
      removed += here;
      return here === 0 ? shard : { ...shard, dead: shard.dead + here };
    });
    const worn = this.list.filter((shard) => shard.dead >= DEAD_SHARE_MAX * shard.rows);
    if (worn.some(({ dead: count }) => count > 0)) this.rewrite(new Set(worn));
    return removed;
  }

  /** Rows `from` to `from + count`, without copying. */
  block(from: number, count: number): RowBlock {
    const { scales, clusters, records } = this.columns;
    return {
      vectors: this.vectors.bytes(from, count),
      scales: scales.subarray(from, from + count),
      clusters: clusters.subarray(from, from + count),
      records: records.subarray(from, from + count),
    };
  }

  private reserve(rows: number): void {
    if (rows > INDEX_ROWS_MAX) {
      throw new DomainError('too-large', 'INDEX_TOO_LARGE', `An index holds at most ${INDEX_ROWS_MAX} rows.`);
    }
    this.vectors.reserve(rows);
    this.columns.reserve(rows);
  }

  private adopt(rows: number, dead: Uint8Array): Shard | undefined {
    if (rows === 0) return undefined;
    const start = this.rows;
    this.columns.dead.set(dead, start);
    const shard = { start, rows, dead: dead.reduce((sum, bit) => sum + bit, 0), version: {} };
    this.list.push(shard);
    return shard;
  }

  /** Joins the last shards for as long as the one before is no longer than the last. */
  private join(): void {
    let from = this.list.length - 1;
    let rows = this.list.at(-1)?.rows ?? 0;
    while (from > 0 && (this.list[from - 1]?.rows ?? 0) <= rows) {
      from--;
      rows += this.list[from]?.rows ?? 0;
    }
    const joined = this.list.slice(from);
    if (joined.length < 2) return;
    this.rewrite(new Set(joined.filter(({ dead }) => dead > 0)));
    const parts = this.list.splice(from);
    const start = parts[0]?.start ?? 0;
    const count = parts.reduce((sum, part) => sum + part.rows, 0);
    if (count > 0) this.list.push({ start, rows: count, dead: 0, version: {} });
  }

  /** Drops the removed rows of these shards; all other rows move to the front, in order. */
  private rewrite(shards: ReadonlySet<Shard>): void {
    const kept: Shard[] = [];
    let to = 0;
    for (const shard of this.list) {
      const start = to;
      if (!shards.has(shard)) {
        to = this.move(to, shard.start, shard.rows);
        kept.push({ ...shard, start });
        continue;
      }
      for (let row = shard.start; row < shard.start + shard.rows; row++) {
        if (this.columns.dead[row] === 0) to = this.move(to, row, 1);
      }
      if (to > start) kept.push({ start, rows: to - start, dead: 0, version: {} });
    }
    this.list = kept;
  }

  private move(to: number, from: number, count: number): number {
    if (to !== from) {
      const k = this.k;
      this.vectors.bytes(0, from + count).copyWithin(to * k, from * k, (from + count) * k);
      this.columns.move(to, from, count);
    }
    return to + count;
  }
}

function checkNumber(value: number, name: string): void {
  if (Number.isInteger(value) && value >= 0 && value < 2 ** 32) return;
  throw new DomainError(
    'invalid',
    'ROW_NUMBER',
    `The ${name} of a row is ${value}, not a number of 32 bits.`,
  );
}
