import type { BlobStore } from '@openledger/blob-store';
import { DomainError, type Sha256 } from '@openledger/kernel';
import { z } from 'zod';
import { LiveShard } from '../../domain/spans/live-shard.js';
import type { Shard } from '../../domain/spans/shard.js';
import { decodeShard, encodeShard, SHARD_FILE_BYTES_MAX } from '../../domain/spans/shard-file.js';
import { SpanIndex } from '../../domain/spans/span-index.js';
import { readJson, storeJson } from '../json-blob.js';

const FORMAT = 'openledger-span-index/1';

const Description = z.object({
  format: z.literal(FORMAT),
  tiers: z.object({
    smallest: z.int().positive(),
    fanOut: z.int().min(2),
    largest: z.int().positive(),
  }),
  shards: z.array(
    z.object({
      blob: z.string(),
      /** Withdrawn documents, by their place in the shard. */
      dead: z.array(z.int().min(0)),
    }),
  ),
});

/** Span indexes in the blob store: each shard once, however many versions of the index have it. */
export class SpanStore {
  /** Blobs of shards that this process has written or read. */
  private readonly known = new WeakMap<Shard, Sha256>();

  constructor(private readonly blobs: BlobStore) {}

  /** The digest of the index's description, which names its shards. */
  async store(index: SpanIndex): Promise<Sha256> {
    const shards: { blob: Sha256; dead: readonly number[] }[] = [];
    for (const { shard, dead } of index.shards) shards.push({ blob: await this.blobOf(shard), dead });
    return storeJson(this.blobs, { format: FORMAT, tiers: index.tiers, shards });
  }

  /** @throws DomainError INDEX_CORRUPT, BLOB_UNKNOWN, BLOB_CORRUPT */
  async open(digest: Sha256): Promise<SpanIndex> {
    const { data, error } = Description.safeParse(await readJson(this.blobs, digest));
    if (error) throw corrupt(digest, z.prettifyError(error));
    const shards: LiveShard[] = [];
    for (const { blob, dead } of data.shards) {
      const shard = decodeShard(await this.blobs.get(blob, SHARD_FILE_BYTES_MAX));
      if (dead.some((at) => at >= shard.records.length))
        throw corrupt(digest, 'it withdraws what is not there');
      this.known.set(shard, blob);
      shards.push(new LiveShard(shard, dead));
    }
    return SpanIndex.of(shards, data.tiers);
  }

  private async blobOf(shard: Shard): Promise<Sha256> {
    const known = this.known.get(shard);
    if (known !== undefined) return known;
    const { digest } = await this.blobs.putStream(pieces(shard));
    this.known.set(shard, digest);
    return digest;
  }
}

async function* pieces(shard: Shard): AsyncGenerator<Uint8Array> {
  yield* encodeShard(shard);
}

const corrupt = (digest: Sha256, why: string) =>
  new DomainError(
    'unavailable',
    'INDEX_CORRUPT',
    `The description ${digest} of a span index is damaged: ${why}.`,
  );
