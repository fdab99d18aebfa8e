import type { AdapterShelf } from './adapter-shelf.js';
import { Batch, type BatchOptions } from './batch.js';
import type { EngineOrder, EngineReport } from './engine-messages.js';
import { toPlain } from './plain-error.js';
import { RequestAdapters } from './request-adapters.js';

type GenerateOrder = Extract<EngineOrder, { kind: 'generate' }>;

/**
 * Everything in the engine's thread: orders in, reports out. Orders are applied between ticks only, so that
 * rows never move under a running step.
 */
export class Engine {
  private readonly batch: Batch;
  private readonly adapters: RequestAdapters;
  private readonly inbox: EngineOrder[] = [];
  /** Requests that wait for their adapter. */
  private readonly waiting = new Map<number, GenerateOrder>();
  private told = '';

  constructor(
    options: BatchOptions,
    shelf: AdapterShelf,
    private readonly report: (report: EngineReport) => void,
  ) {
    this.batch = new Batch(options, {
      piece: (id, piece) => {
        if (piece.finishReason !== '') this.adapters.release(id);
        this.report({ kind: 'piece', id, piece });
      },
      failed: (id, error) => {
        this.adapters.release(id);
        this.report({ kind: 'failed', id, error: toPlain(error) });
      },
    });
    this.adapters = new RequestAdapters(shelf, {
      ready: (id, [adapter]) => {
        const order = this.waiting.get(id);
        this.waiting.delete(id);
        if (!order?.adapter || !adapter) return;
        const { promptTokens, sampling } = order;
        this.batch.add({ id, promptTokens, sampling, adapterDigest: order.adapter.digest, adapter });
      },
      failed: (id, error) => {
        this.waiting.delete(id);
        this.report({ kind: 'failed', id, error });
      },
      report: (adapterReport) => this.report(adapterReport),
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
        this.batch.cancel(order.id);
        this.waiting.delete(order.id);
        this.adapters.release(order.id);
        break;
      default:
        this.adapters.apply(order);
    }
  }

  private generate(order: GenerateOrder): void {
    const { id, promptTokens, sampling, adapter } = order;
    if (!adapter) {
      this.batch.add({ id, promptTokens, sampling, adapterDigest: '', adapter: undefined });
      return;
    }
    this.waiting.set(id, order);
    this.adapters.ask(id, [adapter]);
  }

  private tellLoad(): void {
    const { running, waiting } = this.batch.load;
    const all = waiting + this.adapters.waiting;
    const state = `${running} ${all} ${this.adapters.version}`;
    if (state === this.told) return;
    this.told = state;
    const load = { running, waiting: all, residentDigests: this.adapters.digests };
    this.report({ kind: 'load', load });
  }
}
