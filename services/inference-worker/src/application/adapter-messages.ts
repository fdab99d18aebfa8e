import type { PackedAdapter } from '@openledger/transformer';
import type { AdapterReference } from './generation.js';
import type { PlainError } from './plain-error.js';

/** Where an adapter was read from on its way to memory. */
export type AdapterOrigin = 'disk' | 'remote';

export interface LoadedAdapter {
  readonly adapter: PackedAdapter;
  /** Where the weights came from. */
  readonly origin: AdapterOrigin;
  /** What it would take to load it again, without waiting for a turn. */
  readonly loadMs: number;
}

/** What the engine's thread is asked about adapters. */
export type AdapterOrder =
  | ({ readonly kind: 'adapter'; readonly digest: string } & LoadedAdapter)
  | { readonly kind: 'adapter-failed'; readonly digest: string; readonly error: PlainError }
  | { readonly kind: 'prefetch-adapter'; readonly adapter: AdapterReference }
  | {
      readonly kind: 'pin-adapter';
      readonly call: number;
      readonly adapter: AdapterReference;
      readonly pinned: boolean;
    }
  | { readonly kind: 'unload-adapter'; readonly call: number; readonly digest: string };

/** Why an adapter left a tier. */
export type EvictionReason = 'room' | 'unload';

/** Something for the metrics. */
export type AdapterNote =
  | { readonly note: 'hit'; readonly tier: 'pool' | 'memory' }
  | { readonly note: 'evicted'; readonly tier: 'pool' | 'memory'; readonly reason: EvictionReason }
  /** Copied from memory into the pool. */
  | { readonly note: 'pooled'; readonly seconds: number };

/** What the engine's thread tells of adapters. */
export type AdapterReport =
  | { readonly kind: 'wanted'; readonly adapter: AdapterReference }
  /** An adapter or its failure has been received; what is wanted from now on is wanted anew. */
  | { readonly kind: 'adapter-received'; readonly digest: string }
  /** The answer to a pin or an unload. */
  | { readonly kind: 'adapter-answer'; readonly call: number; readonly error?: PlainError }
  | { readonly kind: 'adapter-note'; readonly note: AdapterNote };

/** What is where; part of the engine's load. */
export interface AdapterLoad {
  /** Ready for the next step. */
  readonly poolDigests: readonly string[];
  readonly memoryDigests: readonly string[];
  /** On their way. */
  readonly loadingDigests: readonly string[];
  readonly pinnedDigests: readonly string[];
  readonly poolPages: number;
  readonly poolPagesUsed: number;
  readonly memoryBytes: number;
  /** Memory that loading may take now. */
  readonly roomBytes: number;
  /** Of the largest adapter seen. */
  readonly largestBytes: number;
}
