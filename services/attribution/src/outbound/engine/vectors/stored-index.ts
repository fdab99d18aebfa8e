import type { BlobStore } from '@openledger/blob-store';
import { DomainError, isSha256, type Sha256, sha256 } from '@openledger/kernel';
import { z } from 'zod';
import { corrupt } from '../../../domain/vectors/corrupt.js';
import {
  BLOCK_ROWS,
  blocksOf,
  INDEX_FORMAT,
  type IndexManifest,
  indexRoot,
  type StoredShard,
} from '../../../domain/vectors/index-manifest.js';
import { checkVectorLength } from '../../../domain/vectors/quantise.js';
import { blockBytes, decodeBlock, type RowBlock } from '../../../domain/vectors/row-block.js';
import { decodeTombstones } from '../../../domain/vectors/tombstones.js';
import { INDEX_ROWS_MAX } from '../../../domain/vectors/vector-table.js';

const MANIFEST_BYTES_MAX = 1024 * 1024;
const SHARDS_MAX = 64;

const digest = z.string().refine(isSha256);
const rows = z.int().min(1).max(INDEX_ROWS_MAX);
const manifestShape = z.strictObject({
  format: z.literal(INDEX_FORMAT),
  k: z.int(),
  blockRows: z.int().min(1).max(BLOCK_ROWS),
  shards: z
    .array(
      z.strictObject({
        rows,
        blocks: z.array(digest),
        tombstones: z.strictObject({ blob: digest, dead: rows }).nullable(),
      }),
    )
    .max(SHARDS_MAX),
  root: digest,
});

/** @throws DomainError INDEX_CORRUPT */
export async function readManifest(blobs: BlobStore, index: Sha256): Promise<IndexManifest> {
  const where = `The description of index ${index}`;
  const bytes = await verified(blobs, { digest: index, where, bytesMax: MANIFEST_BYTES_MAX });
  const manifest = parsed(bytes, where);
  checkVectorLength(manifest.k);
  const { blockRows, shards, root } = manifest;
  const total = shards.reduce((sum, shard) => sum + shard.rows, 0);
  if (total > INDEX_ROWS_MAX) throw corrupt(where, `it names ${total} rows, more than ${INDEX_ROWS_MAX}`);
  if (shards.some((shard) => shard.blocks.length !== Math.ceil(shard.rows / blockRows))) {
    throw corrupt(where, 'a shard has another number of blocks than its rows need');
  }
  if (indexRoot(manifest) !== root) throw corrupt(where, 'its root does not follow from its blocks');
  return manifest;
}

/** The blocks of a shard one at a time, each checked before it is handed on. @throws DomainError INDEX_CORRUPT */
export async function* readBlocks(
  blobs: BlobStore,
  { k, blockRows, shards }: IndexManifest,
  shard: StoredShard,
): AsyncGenerator<RowBlock> {
  const number = shards.indexOf(shard);
  for (const [index, { count }] of blocksOf(shard.rows, blockRows).entries()) {
    const block = shard.blocks[index] ?? '';
    const where = `Block ${index} of shard ${number}, ${block},`;
    const bytes = await verified(blobs, { digest: block, where, bytesMax: blockBytes(count, k) });
    yield decodeBlock(bytes, k, count, where);
  }
}

/** 1 for each removed row of a shard. @throws DomainError INDEX_CORRUPT */
export async function readTombstones(blobs: BlobStore, shard: StoredShard): Promise<Uint8Array> {
  if (!shard.tombstones) return new Uint8Array(shard.rows);
  const { blob } = shard.tombstones;
  const where = `The list of removed rows ${blob}`;
  const bytes = await verified(blobs, { digest: blob, where, bytesMax: shard.rows + 64 });
  const dead = decodeTombstones(bytes, shard.rows, where);
  const count = dead.reduce((sum, bit) => sum + bit, 0);
  if (count !== shard.tombstones.dead) throw corrupt(where, `it removes ${count} rows`);
  return dead;
}

interface Wanted {
  readonly digest: Sha256;
  readonly where: string;
  readonly bytesMax: number;
}

/** Checked here too: a receipt stands on these bytes, whatever the store promises. */
async function verified(blobs: BlobStore, { digest, where, bytesMax }: Wanted): Promise<Uint8Array> {
  const bytes = await blobs.get(digest, bytesMax).catch((error: unknown) => {
    if (error instanceof DomainError && error.code === 'BLOB_UNKNOWN') throw corrupt(where, 'it is missing');
    if (error instanceof DomainError && error.code === 'BLOB_CORRUPT')
      throw corrupt(where, 'its bytes changed');
    if (error instanceof DomainError && error.code === 'BLOB_TOO_LARGE')
      throw corrupt(where, 'it is too long');
    throw error;
  });
  if (sha256(bytes) !== digest) throw corrupt(where, 'its bytes changed');
  return bytes;
}

function parsed(bytes: Uint8Array, where: string): IndexManifest {
  try {
    return manifestShape.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
  } catch (cause) {
    throw corrupt(where, cause instanceof z.ZodError ? z.prettifyError(cause) : 'it is no JSON');
  }
}
