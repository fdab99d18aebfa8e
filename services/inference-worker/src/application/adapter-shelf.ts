import { DomainError, InvariantError, invariant } from '@openledger/kernel';
import type { PackedAdapter } from '@openledger/transformer';
import { GreedyDual } from '../domain/greedy-dual.js';
import type { EvictionReason } from './adapter-messages.js';

/** One generation of an adapter in memory: loaded once, gone once, and never mixed with a later one. */
export interface HeldAdapter {
  readonly digest: string;
  readonly adapter: PackedAdapter;
}

interface Shelved extends HeldAdapter {
  /** Requests that use it now. */
  users: number;
  pinned: boolean;
  /** Told when it is gone; it leaves with its last user. */
  readonly leaving: (() => void)[];
}

export interface AdapterShelfListener {
  readonly gone: (adapter: PackedAdapter, reason: EvictionReason) => void;
}

/** Of the memory for adapters, what pins may take: the rest keeps serving everything else. */
const PINNED_SHARE = 0.5;

/**
 * Adapters in memory, by digest: the one place where a digest becomes weights. The bytes of all of them,
 * those that requests use included, stay below the limit; what is in use or pinned stays, and of the rest
 * the least worth keeping goes first.
 */
export class AdapterShelf {
  private readonly shelved = new Map<string, Shelved>();
  /** Unloaded while requests use them: no new request gets them. */
  private readonly leaving = new Set<Shelved>();
  private readonly policy = new GreedyDual();
  private listener: AdapterShelfListener = { gone: () => undefined };
  private used = 0;
  private changed = 0;

  constructor(readonly bytesMax: number) {}

  listen(listener: AdapterShelfListener): void {
    this.listener = listener;
  }

  /** Differs whenever anything that can be read here may. */
  get version(): number {
    return this.changed;
  }

  get bytes(): number {
    return this.used;
  }

  get digests(): string[] {
    return [...this.shelved.keys()];
  }

  get pinned(): string[] {
    return this.digests.filter((digest) => this.shelved.get(digest)?.pinned);
  }

  has(digest: string): boolean {
    return this.shelved.has(digest);
  }

  /** Bytes of adapters that are neither used nor pinned nor in `keep`, and of nothing at all. */
  roomBytes(keep: ReadonlySet<string>): number {
    let room = this.bytesMax - this.used;
    for (const entry of this.shelved.values()) {
      if (isIdle(entry) && !keep.has(entry.digest)) room += entry.adapter.bytes;
    }
    return room;
  }

  /**
   * Makes room and takes the adapter in. False when there is no room for it beside what has to stay;
   * `keep` is what must not go for it although nobody uses it yet.
   */
  put({ digest, adapter }: HeldAdapter, cost: number, keep: ReadonlySet<string>): boolean {
    // One object for each digest: it is the adapter's identity within a batch.
    if (this.shelved.has(digest)) return true;
    const { bytes } = adapter;
    if (this.roomBytes(keep) < bytes) return false;
    while (this.used + bytes > this.bytesMax) {
      const victim = this.policy.evict((other) => isIdle(this.find(other)) && !keep.has(other));
      invariant(victim !== undefined, 'there is enough that may go');
      this.remove(this.find(victim), 'room');
    }
    this.shelved.set(digest, { digest, adapter, users: 0, pinned: false, leaving: [] });
    this.policy.add(digest, { bytes, cost });
    this.used += bytes;
    this.changed += 1;
    return true;
  }

  /** The adapter itself, not to be kept. */
  peek(digest: string): PackedAdapter | undefined {
    return this.shelved.get(digest)?.adapter;
  }

  /** The adapter, which stays until {@link release}. */
  take(digest: string): HeldAdapter {
    const found = this.find(digest);
    found.users += 1;
    this.policy.used(digest);
    return found;
  }

  release(held: HeldAdapter): void {
    const { digest } = held;
    const entry = held as Shelved;
    invariant(entry.users > 0 && (this.leaving.has(entry) || this.shelved.get(digest) === entry), 'held');
    entry.users -= 1;
    if (entry.users === 0 && this.leaving.delete(entry)) this.remove(entry, 'unload');
  }

  /** @throws DomainError ADAPTER_PINS_FULL */
  pin(digest: string, pinned: boolean): void {
    const entry = this.shelved.get(digest);
    if (!entry || entry.pinned === pinned) return;
    if (pinned && this.pinnedBytes + entry.adapter.bytes > this.bytesMax * PINNED_SHARE) {
      const message = `Pinned adapters may take half of the ${this.bytesMax} bytes for adapters: unpin one.`;
      throw new DomainError('exhausted', 'ADAPTER_PINS_FULL', message);
    }
    entry.pinned = pinned;
    this.changed += 1;
  }

  /** Lets an adapter go, pinned or not, once nobody uses it; tells when it is gone. */
  unload(digest: string, gone: () => void): void {
    const entry = this.shelved.get(digest);
    const before = [...this.leaving].filter((other) => other.digest === digest);
    let left = before.length + (entry ? 1 : 0);
    if (left === 0) gone();
    const each = () => {
      left -= 1;
      if (left === 0) gone();
    };
    for (const other of before) other.leaving.push(each);
    if (!entry) return;
    entry.leaving.push(each);
    this.shelved.delete(digest);
    this.policy.remove(digest);
    this.changed += 1;
    if (entry.users > 0) this.leaving.add(entry);
    else this.remove(entry, 'unload');
  }

  private get pinnedBytes(): number {
    let bytes = 0;
    for (const { pinned, adapter } of this.shelved.values()) if (pinned) bytes += adapter.bytes;
    return bytes;
  }

  private find(digest: string): Shelved {
    const found = this.shelved.get(digest);
    if (!found) throw new InvariantError('only what is on the shelf is asked for');
    return found;
  }

  private remove(entry: Shelved, reason: EvictionReason): void {
    if (this.shelved.get(entry.digest) === entry) this.shelved.delete(entry.digest);
    this.used -= entry.adapter.bytes;
    this.changed += 1;
    this.listener.gone(entry.adapter, reason);
    for (const tell of entry.leaving) tell();
  }
}

const isIdle = ({ users, pinned }: Shelved): boolean => users === 0 && !pinned;
