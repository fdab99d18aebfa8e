import type { AdapterOrder, AdapterReport, HeldAdapter } from './adapter-messages.js';
import type { AdapterShelf } from './adapter-shelf.js';
import type { PlainError } from './engine-messages.js';
import type { AdapterReference } from './generation.js';

export interface RequestAdaptersListener {
  /** The adapters asked for, in that order; they stay in memory until the request is released. */
  readonly ready: (id: number, adapters: readonly HeldAdapter[]) => void;
  /** The request cannot have its adapters, and is forgotten. */
  readonly failed: (id: number, error: PlainError) => void;
  readonly report: (report: AdapterReport) => void;
}

interface Waiting {
  readonly id: number;
  readonly references: readonly AdapterReference[];
}

/**
 * Which request has and which waits for which adapters. A request whose adapters are not in memory waits
 * here, apart from all others, and holds up nobody.
 */
export class RequestAdapters {
  private readonly waitingById = new Map<number, Waiting>();
  private readonly taken = new Map<number, readonly string[]>();
  private readonly wanted = new Set<string>();

  constructor(
    private readonly shelf: AdapterShelf,
    private readonly listener: RequestAdaptersListener,
  ) {}

  /** Requests that wait for an adapter. */
  get waiting(): number {
    return this.waitingById.size;
  }

  /** Differs whenever {@link digests} may. */
  get version(): number {
    return this.shelf.version;
  }

  get digests(): readonly string[] {
    return this.shelf.digests;
  }

  /** Tells `ready`, at once or later, or `failed`; a request for the base alone does not come here. */
  ask(id: number, references: readonly AdapterReference[]): void {
    if (this.give({ id, references })) return;
    this.waitingById.set(id, { id, references });
    for (const reference of references) this.want(reference);
  }

  /** The request has ended or is cancelled; allowed at any time. */
  release(id: number): void {
    this.waitingById.delete(id);
    const digests = this.taken.get(id);
    if (!digests) return;
    this.taken.delete(id);
    for (const digest of digests) this.shelf.release(digest);
  }

  apply(order: AdapterOrder): void {
    this.wanted.delete(order.digest);
    if (order.kind === 'adapter') this.shelf.put(order.digest, order.adapter);
    for (const request of this.waitingById.values()) {
      if (!request.references.some(({ digest }) => digest === order.digest)) continue;
      if (order.kind === 'adapter') this.give(request);
      else this.fail(request, order.error);
    }
  }

  /** All or nothing, so that two requests never wait for what the other has. */
  private give({ id, references }: Waiting): boolean {
    const digests = references.map(({ digest }) => digest);
    if (!digests.every((digest) => this.shelf.has(digest))) return false;
    const adapters = digests.map((digest) => this.shelf.take(digest));
    this.waitingById.delete(id);
    this.taken.set(id, digests);
    this.listener.ready(id, adapters);
    return true;
  }

  private fail({ id }: Waiting, error: PlainError): void {
    this.waitingById.delete(id);
    this.listener.failed(id, error);
  }

  /** One fetch, however many ask. */
  private want(adapter: AdapterReference): void {
    if (this.shelf.has(adapter.digest) || this.wanted.has(adapter.digest)) return;
    this.wanted.add(adapter.digest);
    this.listener.report({ kind: 'wanted', adapter });
  }
}
