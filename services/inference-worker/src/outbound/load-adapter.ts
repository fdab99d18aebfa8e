import { adapterDigestOf, parseAdapter } from '@openledger/adapters';
import type { BlobStore } from '@openledger/blob-store';
import { DomainError } from '@openledger/kernel';
import { type ModelConfig, type Packing, packAdapter } from '@openledger/transformer';
import type { AdapterOrigin, LoadedAdapter } from '../application/adapter-messages.js';
import type { AdapterReference } from '../application/generation.js';
import type { DiskCache } from './disk-cache.js';
import { Scratch } from './scratch.js';

export interface LoadLimits {
  readonly rankMax: number;
  readonly fileBytesMax: number;
}

/** Where files come from: the blob store, and before it a cache on disk where the store is far away. */
export interface AdapterTiers {
  readonly blobs: BlobStore;
  readonly disk: DiskCache | undefined;
  /** A cache that cannot be written costs time, not answers. */
  readonly onDiskError: (error: unknown) => void;
}

/** What an adapter is made for. */
export interface LoadTarget {
  readonly model: ModelConfig;
  readonly packing: Packing;
}

const CONFIG_BYTES_MAX = 256 * 1024;

/**
 * Memory that each load decodes into and leaves behind packed: taking tens of megabytes fresh each time
 * costs as much as decoding them. Nothing awaits between decoding and packing, so loads do not meet in it.
 */
const scratch = new Scratch();

/** Reads an adapter, lets nothing through that is not exactly what was asked for, and packs it. */
export async function loadAdapter(
  { digest, configBlob, weightsBlob }: AdapterReference,
  { model, packing }: LoadTarget,
  tiers: AdapterTiers,
  limits: LoadLimits,
): Promise<LoadedAdapter> {
  const begun = performance.now();
  // Blobs are named by their SHA-256, which the store checks, so these names decide the digest.
  const named = adapterDigestOf({ config: configBlob, weights: weightsBlob });
  if (named !== digest) throw refused('ADAPTER_DIGEST_MISMATCH', `its files have the digest ${named}.`);
  const [config, weights] = await Promise.all([
    fetchBlob(tiers, configBlob, CONFIG_BYTES_MAX),
    fetchBlob(tiers, weightsBlob, limits.fileBytesMax),
  ]);
  scratch.reset();
  const files = { config: config.bytes, weights: weights.bytes };
  const adapter = parseAdapter(files, model, { digest, floats: (count) => scratch.take(count) });
  const { rank } = adapter.lora;
  if (rank > limits.rankMax) {
    const message = `it has rank ${rank}; this worker serves up to ${limits.rankMax}.`;
    throw refused('ADAPTER_RANK_TOO_LARGE', message);
  }
  const packed = packAdapter(model, { config: adapter.lora, weights: adapter.weights }, { packing });
  return { adapter: packed, origin: weights.origin, loadMs: performance.now() - begun };
}

interface Fetched {
  readonly bytes: Uint8Array;
  readonly origin: AdapterOrigin;
}

async function fetchBlob(tiers: AdapterTiers, digest: string, bytesMax: number): Promise<Fetched> {
  const { blobs, disk, onDiskError } = tiers;
  const cached = await disk?.get(digest);
  if (cached && cached.length <= bytesMax) return { bytes: cached, origin: 'disk' };
  const begun = performance.now();
  const bytes = await blobs.get(digest, bytesMax);
  // Beside the load, which need not wait for it.
  void disk?.put(digest, bytes, performance.now() - begun).catch(onDiskError);
  return { bytes, origin: 'remote' };
}

const refused = (code: string, message: string) => new DomainError('invalid', code, message);
