import { DomainError } from '@openledger/kernel';
import type { PackedAdapter } from '@openledger/transformer';
import type { AdapterLoad, AdapterOrder, AdapterReport } from './adapter-messages.js';
import { type AdapterPages, pagesOf } from './adapter-pages.js';
import { AdapterPins } from './adapter-pins.js';
import type { AdapterShelf, HeldAdapter } from './adapter-shelf.js';
import type { AdapterReference } from './generation.js';
import { type PlainError, toPlain } from './plain-error.js';

export interface RequestAdaptersListener {
  /** The adapters asked for, in that order; they stay in memory until the request is released. */
  readonly ready: (id: number, adapters: readonly PackedAdapter[]) => void;
  /** The request cannot have its adapters, and is forgotten. */
  readonly failed: (id: number, error: PlainError) => void;
  readonly report: (report: AdapterReport) => void;
}

interface Request {
  readonly id: number;
  readonly references: readonly AdapterReference[];
}

interface Taken {
  readonly held: readonly HeldAdapter[];
  /** In the pool as well. */
  admitted: boolean;
}

type Loaded = Extract<AdapterOrder, { kind: 'adapter' }>;

/** Sizes of adapters remembered beyond their stay in memory. */
const SIZES_MAX = 10_000;

/**
 * Which request has and which waits for which adapters. A request whose adapters are not in memory waits
 * here, apart from all others, and holds up nobody. What is used, waited for and kept shares one bound on
 * memory: an adapter that has no room now is fetched when there is some, the oldest request's first.
 */
export class RequestAdapters {
  private readonly requests = new Map<number, Request>();
  private readonly taken = new Map<number, Taken>();
  /** Asked for and not received yet. */
  private readonly wanted = new Set<string>();
  /** Unloaded while it was on its way, so it is not taken in unless a request came for it. */
  private readonly unwanted = new Set<string>();
  private readonly sizes = new Map<string, number>();
  private largest = 0;
  private changed = 0;
  private readonly pins: AdapterPins;

  constructor(
    private readonly shelf: AdapterShelf,
    private readonly pages: AdapterPages,
    private readonly listener: RequestAdaptersListener,
  ) {
    this.pins = new AdapterPins(shelf, (call, error) =>
      listener.report({ kind: 'adapter-answer', call, ...(error ? { error } : {}) }),
    );
    shelf.listen({
      gone: (adapter, reason) => {
        pages.drop(adapter, reason);
        listener.report({ kind: 'adapter-note', note: { note: 'evicted', tier: 'memory', reason } });
      },
    });
  }

  /** Requests that wait for an adapter. */
  get waiting(): number {
    return this.requests.size;
  }

  /** Differs whenever {@link load} may. */
  get version(): number {
    return this.shelf.version + this.pages.version + this.changed;
  }

  get load(): AdapterLoad {
    const memoryDigests = this.shelf.digests;
    const isPooled = (digest: string) => {
      const adapter = this.shelf.peek(digest);
      return adapter !== undefined && this.pages.has(adapter);
    };
    return {
      poolDigests: memoryDigests.filter(isPooled),
      memoryDigests,
      loadingDigests: [...this.wanted],
      pinnedDigests: this.shelf.pinned,
      poolPages: this.pages.pageCount,
      poolPagesUsed: this.pages.pageCount - this.pages.pagesFree,
      memoryBytes: this.shelf.bytes,
      roomBytes: this.shelf.roomBytes(this.kept),
      largestBytes: this.largest,
    };
  }

  /** Tells `ready`, at once or later, or `failed`; a request for the base alone does not come here. */
  ask(id: number, references: readonly AdapterReference[]): void {
    const request = { id, references };
    for (const { digest } of references) this.noteHit(digest);
    if (this.give(request)) return;
    this.requests.set(id, request);
    this.advance();
  }

  /**
   * Brings the request's adapters into the pool before its row takes part in a step. False when there is no
   * room beside what other rows hold: ask again when one of them has ended.
   */
  admit(id: number): boolean {
    const taken = this.taken.get(id);
    if (!taken || taken.admitted) return true;
    taken.admitted = this.pages.hold(taken.held);
    return taken.admitted;
  }

  /** Whether {@link admit} would find all that the request needs in the pool. */
  isPooled(id: number): boolean {
    const taken = this.taken.get(id);
    return !taken || taken.held.every(({ adapter }) => this.pages.has(adapter));
  }

  /** The row leaves the steps for a while; its adapters stay in memory. */
  suspend(id: number): void {
    const taken = this.taken.get(id);
    if (!taken?.admitted) return;
    taken.admitted = false;
    this.pages.free(taken.held);
  }

  /** The request has ended or is cancelled; allowed at any time between steps. */
  release(id: number): void {
    this.requests.delete(id);
    const taken = this.taken.get(id);
    if (taken) {
      this.suspend(id);
      this.taken.delete(id);
      for (const held of taken.held) this.shelf.release(held);
    }
    this.advance();
  }

  apply(order: AdapterOrder): void {
    switch (order.kind) {
      case 'adapter':
        this.receive(order);
        break;
      case 'adapter-failed':
        this.settle(order.digest);
        this.pins.failed(order.digest, order.error);
        this.failAll(order.digest, order.error);
        break;
      case 'prefetch-adapter':
        this.want(order.adapter);
        break;
      case 'pin-adapter':
        if (this.pins.ask(order)) this.want(order.adapter);
        break;
      case 'unload-adapter':
        if (this.wanted.has(order.digest)) this.unwanted.add(order.digest);
        this.shelf.unload(order.digest, () =>
          this.listener.report({ kind: 'adapter-answer', call: order.call }),
        );
    }
    this.advance();
  }

  /** What must not make room: the oldest request's, so that one request at least always gets all of its own. */
  private get kept(): ReadonlySet<string> {
    const [oldest] = this.requests.values();
    return new Set(oldest?.references.map(({ digest }) => digest));
  }

  private receive({ digest, adapter, loadMs }: Loaded): void {
    this.settle(digest);
    const isUnwanted = this.unwanted.delete(digest) && !this.isWaitedFor(digest);
    if (isUnwanted) return;
    this.largest = Math.max(this.largest, adapter.bytes);
    const [forgotten] = this.sizes.keys();
    if (this.sizes.size >= SIZES_MAX && forgotten !== undefined) this.sizes.delete(forgotten);
    this.sizes.set(digest, adapter.bytes);
    // Where there is no room it is dropped, and wanted again when there is.
    if (this.shelf.put({ digest, adapter }, loadMs, this.kept)) this.pins.arrived(digest);
  }

  private settle(digest: string): void {
    this.wanted.delete(digest);
    this.changed += 1;
    this.listener.report({ kind: 'adapter-received', digest });
  }

  private isWaitedFor(digest: string): boolean {
    return [...this.requests.values()].some((request) => uses(request, digest)) || this.pins.has(digest);
  }

  /** Gives to whom it can, oldest first, and wants what is missing and has room. */
  private advance(): void {
    for (;;) {
      for (const request of [...this.requests.values()]) {
        if (!this.give(request)) for (const reference of request.references) this.want(reference);
      }
      for (const reference of this.pins.waiting) this.want(reference);
      const [oldest] = this.requests.values();
      if (!oldest || this.taken.size > 0 || this.wanted.size > 0) return;
      // Nobody will make room any more; those behind it may still fit.
      this.fail(oldest, toPlain(tooLarge()));
    }
  }

  /** All or nothing, so that two requests never wait for what the other has. */
  private give(request: Request): boolean {
    const { id, references } = request;
    if (!references.every(({ digest }) => this.shelf.has(digest))) return false;
    const held = references.map(({ digest }) => this.shelf.take(digest));
    this.requests.delete(id);
    this.taken.set(id, { held, admitted: false });
    const adapters = held.map(({ adapter }) => adapter);
    if (pagesOf(new Set(adapters)) > this.pages.pageCount) {
      this.taken.delete(id);
      for (const one of held) this.shelf.release(one);
      this.fail(request, toPlain(tooLarge()));
    } else this.listener.ready(id, adapters);
    return true;
  }

  private failAll(digest: string, error: PlainError): void {
    for (const request of [...this.requests.values()]) {
      if (uses(request, digest)) this.fail(request, error);
    }
  }

  private fail({ id }: Request, error: PlainError): void {
    this.requests.delete(id);
    this.listener.failed(id, error);
  }

  /** One fetch, however many ask, and none that would be for nothing. */
  private want(adapter: AdapterReference): void {
    const { digest } = adapter;
    if (this.shelf.has(digest) || this.wanted.has(digest)) return;
    const needed = this.sizeOf(digest) + [...this.wanted].reduce((sum, other) => sum + this.sizeOf(other), 0);
    if (needed > this.shelf.roomBytes(this.kept)) return;
    this.wanted.add(digest);
    this.changed += 1;
    this.listener.report({ kind: 'wanted', adapter });
  }

  /** Of an adapter not seen before, the most that it is likely to be. */
  private sizeOf(digest: string): number {
    return this.sizes.get(digest) ?? this.largest;
  }

  private noteHit(digest: string): void {
    const adapter = this.shelf.peek(digest);
    if (!adapter) return;
    const tier = this.pages.has(adapter) ? 'pool' : 'memory';
    this.listener.report({ kind: 'adapter-note', note: { note: 'hit', tier } });
  }
}

const uses = ({ references }: Request, wanted: string): boolean =>
  references.some(({ digest }) => digest === wanted);

const tooLarge = (): DomainError =>
  new DomainError('too-large', 'ADAPTER_TOO_LARGE', 'The adapters of this request do not fit this worker.');
