import type { PackedAdapter } from '@openledger/transformer';
import type { AdapterPages } from './adapter-pages.js';
import type { AdapterShelf } from './adapter-shelf.js';
import { Batch } from './batch.js';
import type { BatchOptions } from './batch-parts.js';
import type { EngineLoad, EngineOrder, EngineReport, RequestOrder } from './engine-messages.js';
import { toPlain } from './plain-error.js';
import { RequestAdapters } from './request-adapters.js';

/** How old the numbers of the load may get while nothing else about it changes. */
const LOAD_MS = 200;

/**
 * Everything in the engine's thread: orders in, reports out. Orders are applied between ticks only, so that
 * rows never move under a running step.
 */
export class Engine {
  private readonly batch: Batch;
  private readonly adapters: RequestAdapters;
  private readonly inbox: EngineOrder[] = [];
  private readonly outbox: EngineReport[] = [];
  /** Requests that wait for their adapters. */
  private readonly waiting = new Map<number, RequestOrder>();
  private told = { state: '', adapters: -1, atMs: 0 };

  constructor(
    options: BatchOptions,
    memory: { readonly shelf: AdapterShelf; readonly pages: AdapterPages },
    private readonly send: (report: EngineReport) => void,
  ) {
    this.adapters = new RequestAdapters(memory.shelf, memory.pages, {
      ready: (id, adapters) => {
        const order = this.waiting.get(id);
        this.waiting.delete(id);
        if (order) this.enqueue(order, adapters);
      },
      failed: (id, error) => {
        this.waiting.delete(id);
        this.report({ kind: 'failed', id, error });
      },
      report: (adapterReport) => this.report(adapterReport),
    });
    this.batch = new Batch(options, this.adapters, {
      piece: (id, piece) => {
        if (piece.finishReason !== '') this.adapters.release(id);
        this.report({ kind: 'piece', id, piece });
      },
      embedded: (id, values) => {
        this.adapters.release(id);
        this.report({ kind: 'embedded', id, values });
      },
      failed: (id, error) => {
        this.adapters.release(id);
        this.report({ kind: 'failed', id, error: toPlain(error) });
      },
      stepped: (step) => this.report({ kind: 'stepped', step }),
    });
  }

  receive(order: EngineOrder): void {
    this.inbox.push(order);
  }

  /** False when there is nothing to do until the next order. */
  async tick(): Promise<boolean> {
    for (const order of this.inbox.splice(0)) this.apply(order);
    this.tell();
    const busy = await this.batch.tick();
    this.tell();
    return busy || this.inbox.length > 0;
  }

  private apply(order: EngineOrder): void {
    switch (order.kind) {
      case 'request':
        this.ask(order);
        break;
      case 'cancel':
        this.batch.cancel(order.id);
        this.waiting.delete(order.id);
        this.adapters.release(order.id);
        break;
      case 'stop':
        this.stop(order.id);
        break;
      case 'pause':
        this.batch.pause(order.id);
        break;
      case 'resume':
        this.batch.resume(order.id);
        break;
      default:
        this.adapters.apply(order);
    }
  }

  private ask(order: RequestOrder): void {
    if (order.adapters.length === 0) {
      this.enqueue(order, []);
      return;
    }
    this.waiting.set(order.id, order);
    this.adapters.ask(
      order.id,
      order.adapters.map(({ reference }) => reference),
    );
  }

  private enqueue(order: RequestOrder, adapters: readonly PackedAdapter[]): void {
    const { id, tenant, tokens, sampling } = order;
    const weighted = adapters.map((adapter, index) => ({
      adapter,
      weight: order.adapters[index]?.weight ?? 1,
    }));
    const digests = order.adapters.map(({ reference }) => reference.digest);
    this.batch.add({ id, tenant, tokens, sampling, adapters: weighted, digests });
  }

  /** A request that waits for its adapters is let into the batch first: it has an answer to end there. */
  private stop(id: number): void {
    const order = this.waiting.get(id);
    if (order) {
      this.waiting.delete(id);
      this.adapters.release(id);
      this.enqueue({ ...order, adapters: [] }, []);
    }
    this.batch.stop(id);
  }

  /** Held until the load is told: whoever hears of an end finds that it has ended. */
  private report(report: EngineReport): void {
    this.outbox.push(report);
  }

  private tell(): void {
    this.tellLoad();
    for (const report of this.outbox.splice(0)) this.send(report);
  }

  private tellLoad(): void {
    const running = this.batch.running.length;
    const waiting = this.batch.waiting.length + this.waiting.size;
    const state = `${running} ${waiting}`;
    const { version } = this.adapters;
    const isNew = state !== this.told.state || version !== this.told.adapters;
    if (!isNew && performance.now() - this.told.atMs < LOAD_MS) return;
    const adapters = version === this.told.adapters ? {} : { adapters: this.adapters.load };
    this.told = { state, adapters: version, atMs: performance.now() };
    this.send({ kind: 'load', load: { running, waiting, ...this.measures() }, ...adapters });
  }

  private measures(): Omit<EngineLoad, 'running' | 'waiting' | 'adapters'> {
    const { batch } = this;
    let queuedTokens = batch.tokensLeft;
    for (const { tokens, sampling } of this.waiting.values()) {
      queuedTokens += tokens.length + (sampling?.maxTokens ?? 0);
    }
    const digestsOf = (rows: Iterable<{ readonly digests: readonly string[] }>) => [
      ...new Set([...rows].flatMap(({ digests }) => digests)),
    ];
    const unready = [...this.waiting.values()].map(({ adapters }) => ({
      digests: adapters.map(({ reference }) => reference.digest),
    }));
    return {
      queuedTokens,
      prefillTokensPerSecond: batch.meter.perSecond('prefill'),
      decodeTokensPerSecond: batch.meter.perSecond('decode'),
      kvUsage: batch.kvUsage,
      servedGapTokens: batch.servedGap,
      runningDigests: digestsOf(batch.running),
      waitingDigests: digestsOf([...batch.waiting, ...unready]),
      totals: {
        preemptions: batch.preemptions,
        prefixQueriedTokens: batch.blocks.queriedTokens,
        prefixHitTokens: batch.blocks.hitTokens,
      },
    };
  }
}
