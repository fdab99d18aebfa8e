import type { BlobStore } from '@openledger/blob-store';
import { type Sha256, sha256 } from '@openledger/kernel';
import { type Grouping, sumGroups } from '../../../domain/vectors/group-sums.js';
import {
  BLOCK_ROWS,
  blocksOf,
  INDEX_FORMAT,
  type IndexManifest,
  indexRoot,
  type StoredShard,
} from '../../../domain/vectors/index-manifest.js';
import { allNats, type QuantisedQuery } from '../../../domain/vectors/quantise.js';
import { encodeBlock } from '../../../domain/vectors/row-block.js';
import { encodeTombstones } from '../../../domain/vectors/tombstones.js';
import { type Shard, type VectorRow, VectorTable } from '../../../domain/vectors/vector-table.js';
import { storeJson } from '../../json-blob.js';
import { GroupSums } from './group-sums.js';
import { checkQuery } from './query.js';
import type { ScanThreads } from './scan-threads.js';
import { type ScannedRow, scannedRow } from './scanned-row.js';
import { readBlocks, readManifest, readTombstones } from './stored-index.js';

export interface IndexOptions {
  /** Rows of a stored block; smaller ones are for tests. */
  readonly blockRows?: number;
}

/**
 * Every vector of a version in memory, k + 13 bytes a row, and as blobs. Rows are numbered in the order of their arrival;
 * the numbers hold until the next `append` or `remove`.
 */
export class VectorIndex {
  /** By `version` of a shard: digests of its blocks, and where they lie already. */
  private readonly known = new WeakMap<object, { blocks: readonly Sha256[]; stored?: BlobStore }>();

  private constructor(
    private readonly table: VectorTable,
    private readonly threads: ScanThreads,
    private readonly blockRows: number,
  ) {}

  /** @throws DomainError VECTOR_LENGTH, VECTOR_NOT_FINITE, ROW_NUMBER, INDEX_TOO_LARGE */
  static build(
    k: number,
    rows: Iterable<VectorRow>,
    threads: ScanThreads,
    { blockRows = BLOCK_ROWS }: IndexOptions = {},
  ): VectorIndex {
    const index = new VectorIndex(new VectorTable(k), threads, blockRows);
    index.append(rows);
    return index;
  }

  /**
   * Reads block by block, checking every digest.
   *
   * @throws DomainError INDEX_CORRUPT
   */
  static async open(blobs: BlobStore, digest: Sha256, threads: ScanThreads): Promise<VectorIndex> {
    const manifest = await readManifest(blobs, digest);
    const index = new VectorIndex(new VectorTable(manifest.k), threads, manifest.blockRows);
    for (const stored of manifest.shards) {
      const dead = await readTombstones(blobs, stored);
      const shard = await index.table.appendShard(readBlocks(blobs, manifest, stored), dead);
      if (shard) index.known.set(shard.version, { blocks: stored.blocks, stored: blobs });
    }
    return index;
  }

  get k(): number {
    return this.table.k;
  }

  /** With the removed ones that still have a number. */
  get rows(): number {
    return this.table.rows;
  }

  get liveRows(): number {
    return this.table.liveRows;
  }

  /** Of each row. */
  get records(): Uint32Array {
    return this.table.columns.records.subarray(0, this.rows);
  }

  /** Of each row. */
  get clusters(): Uint32Array {
    return this.table.columns.clusters.subarray(0, this.rows);
  }

  /** 1 for each removed row. */
  get removed(): Uint8Array {
    return this.table.columns.dead.subarray(0, this.rows);
  }

  /** The integers and the scale of a row. */
  row(row: number): { readonly values: Int8Array; readonly scale: number } {
    const { vectors, scales } = this.table.block(row, 1);
    return { values: vectors.slice(), scale: scales[0] ?? 0 };
  }

  append(rows: Iterable<VectorRow>): void {
    this.table.append(rows);
  }

  /** Removes all rows of these records; how many there were. */
  remove(records: Iterable<number>): number {
    return this.table.remove(records);
  }

  /** Depends on the content alone; hashes what changed since it was asked last. */
  get root(): Sha256 {
    return indexRoot(this.describe());
  }

  /** Writes what the store does not have; the digest names the index from then on. */
  async store(blobs: BlobStore): Promise<Sha256> {
    for (const shard of this.table.shards) {
      const blocks = this.digestsOf(shard);
      if (this.known.get(shard.version)?.stored !== blobs) {
        for (const { from, count } of blocksOf(shard.rows, this.blockRows))
          await blobs.put(this.encoded(shard, from, count));
        this.known.set(shard.version, { blocks, stored: blobs });
      }
      if (shard.dead > 0) await blobs.put(this.tombstones(shard));
    }
    const description = this.describe();
    return storeJson(blobs, { ...description, root: indexRoot(description) } satisfies IndexManifest);
  }

  /**
   * The `top` rows that are not removed with the greatest nats; equal ones by record. A query of fewer numbers than k is compared with the
   * beginning of each row.
   *
   * @throws DomainError QUERY_INVALID
   */
  async scan(query: QuantisedQuery, { top }: { readonly top: number }): Promise<ScannedRow[]> {
    checkQuery(query, this.k, top);
    const { scales, records, dead, clusters } = this.table.columns;
    const ranking = { top, scales, records, dead };
    const best = await this.threads.run({ ...this.pass, ranking }, query.values);
    return best.map((ranked) => scannedRow(ranked, { scales, clusters, queryScale: query.scale }));
  }

  /** Nats of every row; 0 for removed ones. @throws DomainError QUERY_INVALID */
  async scores(query: QuantisedQuery): Promise<Float64Array> {
    checkQuery(query, this.k);
    const { scales, dead } = this.table.columns;
    const products = new Int32Array(new SharedArrayBuffer(4 * this.rows));
    await this.threads.run({ ...this.pass, products }, query.values);
    for (let row = 0; row < products.length; row++) if (dead[row] === 1) products[row] = 0;
    return allNats(products, scales, query.scale);
  }

  /** @throws DomainError GROUPING_INVALID, TOO_MANY_GROUPS, VECTOR_NOT_FINITE */
  sums(grouping: Grouping): GroupSums {
    return new GroupSums(this.k, sumGroups(this.table, grouping), this.threads);
  }

  private get pass() {
    const { memory, stride } = this.table.vectors;
    return { memory, stride, bytes: 1, rows: this.rows } as const;
  }

  private describe(): Omit<IndexManifest, 'root'> {
    const shards = this.table.shards.map((shard): StoredShard => {
      const tombstones = shard.dead > 0 ? { blob: sha256(this.tombstones(shard)), dead: shard.dead } : null;
      return { rows: shard.rows, blocks: this.digestsOf(shard), tombstones };
    });
    return { format: INDEX_FORMAT, k: this.k, blockRows: this.blockRows, shards };
  }

  private digestsOf(shard: Shard): readonly Sha256[] {
    const known = this.known.get(shard.version);
    if (known) return known.blocks;
    const blocks = blocksOf(shard.rows, this.blockRows).map(({ from, count }) =>
      sha256(this.encoded(shard, from, count)),
    );
    this.known.set(shard.version, { blocks });
    return blocks;
  }

  private encoded(shard: Shard, from: number, count: number): Uint8Array {
    return encodeBlock(this.k, this.table.block(shard.start + from, count));
  }

  private tombstones({ start, rows }: Shard): Uint8Array {
    return encodeTombstones(this.table.columns.dead.subarray(start, start + rows));
  }
}
