import { invariant } from '@openledger/kernel';
import {
  type ModelConfig,
  moduleShape,
  type PackedAdapter,
  type Packing,
  pageRank,
  targetModules,
} from '@openledger/transformer';
import { GreedyDual } from '../domain/greedy-dual.js';
import type { AdapterNote, EvictionReason } from './adapter-messages.js';
import type { HeldAdapter } from './adapter-shelf.js';

/** The part of the transformer's AdapterPool that is needed here. */
export interface PagePool {
  readonly pagesFree: number;
  readonly pageCount: number;
  has(adapter: PackedAdapter): boolean;
  load(adapter: PackedAdapter): void;
  unload(adapter: PackedAdapter): void;
}

interface Pooled {
  readonly digest: string;
  /** Rows that use it now. */
  users: number;
}

/**
 * Decides what lies in the pool: rows hold their adapters there, and of what no row uses the least worth
 * keeping makes room. To be used between steps only.
 */
export class AdapterPages {
  private readonly pooled = new Map<PackedAdapter, Pooled>();
  /** The latest generation of each digest; an older one is in use and leaves with its last row. */
  private readonly byDigest = new Map<string, PackedAdapter>();
  private readonly policy = new GreedyDual();
  private changed = 0;

  constructor(
    private readonly pool: PagePool,
    private readonly note: (note: AdapterNote) => void,
  ) {}

  /** Differs whenever {@link has} may. */
  get version(): number {
    return this.changed;
  }

  get pageCount(): number {
    return this.pool.pageCount;
  }

  get pagesFree(): number {
    return this.pool.pagesFree;
  }

  has(adapter: PackedAdapter): boolean {
    return this.pooled.has(adapter);
  }

  /**
   * Brings these adapters into the pool, where they stay until {@link free}. False when there is no room
   * beside what other rows hold: ask again when one of them has ended.
   */
  hold(wanted: readonly HeldAdapter[]): boolean {
    const adapters = new Set(wanted.map(({ adapter }) => adapter));
    const missing = new Map(wanted.map(({ adapter, digest }) => [adapter, digest]));
    for (const adapter of adapters) if (this.pooled.has(adapter)) missing.delete(adapter);
    const mayGo = (digest: string) => {
      const adapter = this.byDigest.get(digest);
      return adapter !== undefined && this.pooled.get(adapter)?.users === 0 && !adapters.has(adapter);
    };
    const idle = [...this.byDigest].filter(([digest]) => mayGo(digest)).map(([, adapter]) => adapter);
    if (this.pool.pagesFree + pagesOf(idle) < pagesOf(missing.keys())) return false;
    for (const [adapter, digest] of missing) this.bring(adapter, digest, mayGo);
    for (const { adapter, digest } of wanted) {
      const entry = this.pooled.get(adapter);
      invariant(entry, 'what is held has been brought');
      entry.users += 1;
      if (!missing.has(adapter)) this.policy.used(digest);
    }
    return true;
  }

  /** A row that held these has ended. */
  free(held: readonly HeldAdapter[]): void {
    for (const { adapter } of held) {
      const entry = this.pooled.get(adapter);
      invariant(entry && entry.users > 0, 'what a row holds is in the pool');
      entry.users -= 1;
    }
  }

  /** The adapter has left memory, so it leaves the pool. */
  drop(adapter: PackedAdapter, reason: EvictionReason): void {
    const entry = this.pooled.get(adapter);
    if (!entry) return;
    invariant(entry.users === 0, 'no row uses what leaves memory');
    if (this.byDigest.get(entry.digest) === adapter) this.policy.remove(entry.digest);
    this.remove(adapter, entry.digest, reason);
  }

  private bring(adapter: PackedAdapter, digest: string, mayGo: (digest: string) => boolean): void {
    while (this.pool.pagesFree < adapter.pages) {
      const name = this.policy.evict(mayGo);
      const victim = name === undefined ? undefined : this.byDigest.get(name);
      invariant(name !== undefined && victim, 'there is enough that may go');
      this.remove(victim, name, 'room');
    }
    const begun = performance.now();
    this.pool.load(adapter);
    this.note({ note: 'pooled', seconds: (performance.now() - begun) / 1_000 });
    this.pooled.set(adapter, { digest, users: 0 });
    this.byDigest.set(digest, adapter);
    // Copying takes as long as the pages are many, so here only use decides.
    this.policy.add(digest, { bytes: adapter.pages, cost: adapter.pages });
    this.changed += 1;
  }

  private remove(adapter: PackedAdapter, digest: string, reason: EvictionReason): void {
    this.pool.unload(adapter);
    this.pooled.delete(adapter);
    if (this.byDigest.get(digest) === adapter) this.byDigest.delete(digest);
    this.changed += 1;
    this.note({ note: 'evicted', tier: 'pool', reason });
  }
}

/** Pages that these take together. */
export function pagesOf(adapters: Iterable<PackedAdapter>): number {
  let pages = 0;
  for (const adapter of adapters) pages += adapter.pages;
  return pages;
}

/** Bytes of one page of a pool of this model: A as the packing says, B in float32. */
export function adapterPageBytes(model: ModelConfig, packing: Packing): number {
  const inputBytes = packing === 'int8' ? Int8Array.BYTES_PER_ELEMENT : Float32Array.BYTES_PER_ELEMENT;
  let bytes = 0;
  for (const module of targetModules) {
    const [outputs, inputs] = moduleShape(model, module);
    bytes += inputs * inputBytes + outputs * Float32Array.BYTES_PER_ELEMENT;
  }
  return bytes * model.layerCount * pageRank;
}
