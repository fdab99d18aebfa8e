import { invariant } from '@openledger/kernel';
import type { ServedAdapter } from '@openledger/transformer';

interface Shelved {
  readonly adapter: ServedAdapter;
  readonly bytes: number;
  /** Requests that use it now. */
  users: number;
}

/**
 * Adapters in memory, by digest: the one place where a digest becomes weights. What is in use stays;
 * of the rest, the least recently used goes first when the bytes exceed the limit.
 */
export class AdapterShelf {
  /** In order of last use. */
  private readonly shelved = new Map<string, Shelved>();
  private bytes = 0;
  private changed = 0;

  constructor(private readonly bytesMax: number) {}

  /** Differs whenever {@link digests} may. */
  get version(): number {
    return this.changed;
  }

  get digests(): string[] {
    return [...this.shelved.keys()];
  }

  put(digest: string, adapter: ServedAdapter): void {
    // One object for each digest: it is the adapter's identity within a batch.
    if (this.shelved.has(digest)) return;
    // Before the new one is there: nobody has taken it yet, and it must not be the one to go.
    this.evict();
    let bytes = 0;
    for (const { data } of adapter.weights.values()) bytes += data.byteLength;
    this.shelved.set(digest, { adapter, bytes, users: 0 });
    this.bytes += bytes;
    this.changed += 1;
  }

  has(digest: string): boolean {
    return this.shelved.has(digest);
  }

  /** The adapter, which stays until {@link release}. */
  take(digest: string): ServedAdapter {
    const found = this.shelved.get(digest);
    invariant(found, 'only what is on the shelf is taken');
    found.users += 1;
    this.shelved.delete(digest);
    this.shelved.set(digest, found);
    return found.adapter;
  }

  release(digest: string): void {
    const found = this.shelved.get(digest);
    invariant(found && found.users > 0, 'an adapter in use is on the shelf');
    found.users -= 1;
    this.evict();
  }

  private evict(): void {
    for (const [digest, { bytes, users }] of this.shelved) {
      if (this.bytes <= this.bytesMax) return;
      if (users > 0) continue;
      this.shelved.delete(digest);
      this.bytes -= bytes;
      this.changed += 1;
    }
  }
}
