import { canonicalJson, merkleRoot, type Sha256, sha256 } from '@openledger/kernel';

/** Rows of a block: what is read, checked and scanned at a time. 17.6 MB at 256 numbers. */
export const BLOCK_ROWS = 65_536;

export interface StoredShard {
  readonly rows: number;
  /** By digest, in order; all but the last hold `blockRows` rows. */
  readonly blocks: readonly Sha256[];
  /** Which rows are removed; null: none. */
  readonly tombstones: { readonly blob: Sha256; readonly dead: number } | null;
}

/** Describes a stored index; the blob of its canonical JSON names the index. */
export interface IndexManifest {
  readonly format: typeof INDEX_FORMAT;
  readonly k: number;
  readonly blockRows: number;
  readonly shards: readonly StoredShard[];
  readonly root: Sha256;
}

export const INDEX_FORMAT = 'openledger-vectors/1';

/**
 * Merkle root over the digests of the head (format, k, block size) and, shard by shard, of blocks and tombstones: whoever
 * knows it can check any single block that decided an answer. Blocks and tombstones begin with different words.
 */
export function indexRoot({ k, blockRows, shards }: Omit<IndexManifest, 'root' | 'format'>): Sha256 {
  const head = sha256(canonicalJson({ format: INDEX_FORMAT, k, blockRows }));
  const leaves = shards.flatMap(({ blocks, tombstones }) => [
    ...blocks,
    ...(tombstones ? [tombstones.blob] : []),
  ]);
  return merkleRoot([head, ...leaves]);
}

/** First row and length of each block of so many rows. */
export const blocksOf = (
  rows: number,
  blockRows: number,
): { readonly from: number; readonly count: number }[] =>
  Array.from({ length: Math.ceil(rows / blockRows) }, (_, block) => ({
    from: block * blockRows,
    count: Math.min(blockRows, rows - block * blockRows),
  }));
