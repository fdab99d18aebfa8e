import type { AdapterShelf } from './adapter-shelf.js';
import { Batch, type BatchOptions } from './batch.js';
import type { EngineOrder, EngineReport } from './engine-messages.js';
import { toPlain } from './plain-error.js';

type GenerateOrder = Extract<EngineOrder, { kind: 'generate' }>;
type AdapterOrder = Extract<EngineOrder, { kind: 'adapter' }>;

/**
 * Everything in the engine's thread: orders in, reports out. Orders are applied between ticks only, so that
 * rows never move under a running step. A request whose adapter is not in memory waits apart and holds
 * up nobody.
 */
export class Engine {
  private readonly batch: Batch;
  private readonly inbox: EngineOrder[] = [];
  /** Requests by the digest they wait for. */
  private readonly wanting = new Map<string, GenerateOrder[]>();
  /** Digests that requests in the batch have taken from the shelf. */
  private readonly taken = new Map<number, string>();
  private told = '';

  constructor(
    options: BatchOptions,
    private readonly shelf: AdapterShelf,
    private readonly report: (report: EngineReport) => void,
  ) {
    this.batch = new Batch(options, {
      piece: (id, piece) => {
        if (piece.finishReason !== '') this.forget(id);
        this.report({ kind: 'piece', id, piece });
      },
      failed: (id, error) => {
        this.forget(id);
        this.report({ kind: 'failed', id, error: toPlain(error) });
      },
    });
  }

  receive(order: EngineOrder): void {
    this.inbox.push(order);
  }

  /** False when there is nothing to do until the next order. */
  async tick(): Promise<boolean> {
    for (const order of this.inbox.splice(0)) this.apply(order);
    this.tellLoad();
    const busy = await this.batch.tick();
    this.tellLoad();
    return busy || this.inbox.length > 0;
  }

  private apply(order: EngineOrder): void {
    switch (order.kind) {
      case 'generate':
        this.generate(order);
        break;
      case 'cancel':
        this.cancel(order.id);
        break;
      case 'adapter':
        this.shelve(order);
        break;
      case 'adapter-failed':
        for (const { id } of this.takeWanting(order.digest)) {
          this.report({ kind: 'failed', id, error: order.error });
        }
    }
  }

  private generate(order: GenerateOrder): void {
    const { id, promptTokens, sampling, adapter: reference } = order;
    if (!reference) {
      this.batch.add({ id, promptTokens, sampling, adapterDigest: '', adapter: undefined });
      return;
    }
    const adapter = this.shelf.take(reference.digest);
    if (adapter) {
      this.taken.set(id, reference.digest);
      this.batch.add({ id, promptTokens, sampling, adapterDigest: reference.digest, adapter });
      return;
    }
    const others = this.wanting.get(reference.digest);
    this.wanting.set(reference.digest, [...(others ?? []), order]);
    // One fetch, however many ask.
    if (!others) this.report({ kind: 'wanted', adapter: reference });
  }

  private shelve({ digest, adapter }: AdapterOrder): void {
    this.shelf.put(digest, adapter);
    for (const order of this.takeWanting(digest)) this.generate(order);
  }

  private takeWanting(digest: string): readonly GenerateOrder[] {
    const orders = this.wanting.get(digest) ?? [];
    this.wanting.delete(digest);
    return orders;
  }

  private cancel(id: number): void {
    this.batch.cancel(id);
    this.forget(id);
    for (const [digest, orders] of this.wanting) {
      // The list may become empty: its fetch is still under way and will be answered.
      if (orders.some((order) => order.id === id)) {
        this.wanting.set(
          digest,
          orders.filter((order) => order.id !== id),
        );
      }
    }
  }

  private forget(id: number): void {
    const digest = this.taken.get(id);
    if (digest === undefined) return;
    this.taken.delete(id);
    this.shelf.release(digest);
  }

  private tellLoad(): void {
    const { running, waiting } = this.batch.load;
    let wanting = 0;
    for (const orders of this.wanting.values()) wanting += orders.length;
    const state = `${running} ${waiting + wanting} ${this.shelf.version}`;
    if (state === this.told) return;
    this.told = state;
    const load = { running, waiting: waiting + wanting, residentDigests: this.shelf.digests };
    this.report({ kind: 'load', load });
  }
}
