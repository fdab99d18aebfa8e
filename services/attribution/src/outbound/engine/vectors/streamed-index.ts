import type { BlobStore } from '@openledger/blob-store';
import type { Sha256 } from '@openledger/kernel';
import { BestRows, type RankedRow } from '../../../domain/vectors/best-rows.js';
import type { IndexManifest, StoredShard } from '../../../domain/vectors/index-manifest.js';
import type { QuantisedQuery } from '../../../domain/vectors/quantise.js';
import type { RowBlock } from '../../../domain/vectors/row-block.js';
import { ScanMemory } from '../../../domain/vectors/scan-memory.js';
import { checkQuery } from './query.js';
import type { ScanThreads } from './scan-threads.js';
import { type ScannedRow, scannedRow } from './scanned-row.js';
import { readBlocks, readManifest, readTombstones } from './stored-index.js';

/**
 * A stored index that is scanned without being held: three blocks are in memory at most (one scanned, one read ahead, and its
 * bytes while they are checked), 53 MB at k = 256. For verifiers, and for indexes larger than memory. Every block's digest is
 * checked in every scan.
 */
export class StreamedIndex {
  private constructor(
    private readonly blobs: BlobStore,
    private readonly manifest: IndexManifest,
    private readonly threads: ScanThreads,
  ) {}

  /** @throws DomainError INDEX_CORRUPT */
  static async open(blobs: BlobStore, digest: Sha256, threads: ScanThreads): Promise<StreamedIndex> {
    return new StreamedIndex(blobs, await readManifest(blobs, digest), threads);
  }

  get k(): number {
    return this.manifest.k;
  }

  get root(): Sha256 {
    return this.manifest.root;
  }

  /** What `VectorIndex.scan` says of the same index. @throws DomainError QUERY_INVALID, INDEX_CORRUPT */
  async scan(query: QuantisedQuery, { top }: { readonly top: number }): Promise<ScannedRow[]> {
    checkQuery(query, this.k, top);
    const vectors = new ScanMemory(this.k);
    const best = new BestRows(top);
    const found = new Map<number, ScannedRow>();
    let start = 0;
    for (const shard of this.manifest.shards) {
      const dead = await readTombstones(this.blobs, shard);
      let from = 0;
      for await (const block of this.blocks(shard)) {
        const rows = block.scales.length;
        const ranked = await this.rank(
          vectors,
          { block, dead: dead.subarray(from, from + rows), top },
          query,
        );
        for (const one of ranked) {
          const moved = { ...one, row: start + from + one.row };
          best.offer(moved);
          found.set(moved.row, { ...scannedRow(one, { ...block, queryScale: query.scale }), row: moved.row });
        }
        from += rows;
      }
      start += shard.rows;
    }
    return best.inOrder.flatMap(({ row }) => found.get(row) ?? []);
  }

  private async rank(
    vectors: ScanMemory,
    { block, dead, top }: { readonly block: RowBlock; readonly dead: Uint8Array; readonly top: number },
    query: QuantisedQuery,
  ): Promise<readonly RankedRow[]> {
    const rows = block.scales.length;
    vectors.reserve(rows);
    vectors.bytes(0, rows).set(block.vectors);
    // Copies of these columns travel to the threads, not the whole block that they lie in.
    const ranking = { top, scales: block.scales.slice(), records: block.records.slice(), dead: dead.slice() };
    const { memory, stride } = vectors;
    return this.threads.run({ memory, stride, bytes: 1, rows, ranking }, query.values);
  }

  /** Reads the next block while the one before is scanned. */
  private async *blocks(shard: StoredShard): AsyncGenerator<RowBlock> {
    const blocks = readBlocks(this.blobs, this.manifest, shard);
    let next = blocks.next();
    for (;;) {
      const { value, done } = await next;
      if (done === true) return;
      next = blocks.next();
      // A caller that stops listening must not leave a failed read unheard.
      next.catch(() => undefined);
      yield value;
    }
  }
}
