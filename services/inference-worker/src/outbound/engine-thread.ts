import { DomainError, InvariantError } from '@openledger/kernel';
import { NativeThread } from '@openledger/worker-thread';
import type { AdapterLoad, AdapterNote } from '../application/adapter-messages.js';
import { AdapterTraffic } from '../application/adapter-traffic.js';
import type { BaseFacts, EngineLoad, EngineOrder, EngineReport } from '../application/engine-messages.js';
import type { GenerationPiece, GenerationRequest } from '../application/generation.js';
import { PieceQueue } from '../application/piece-queue.js';
import { fromPlain } from '../application/plain-error.js';
import type { AdapterSource, TextEngine } from '../application/text-engine.js';
import type { EngineWorkerData } from './engine-worker-data.js';

export interface EngineThreadOptions {
  readonly engine: EngineWorkerData;
  readonly adapters: (base: BaseFacts) => AdapterSource;
  /** Told of what happens to adapters, for the metrics. */
  readonly onAdapterNote: (note: AdapterNote) => void;
  /** Requests taken in at once, running or waiting. */
  readonly requestsMax: number;
  /** Told when the thread died; it is started again. */
  readonly onCrash: (error: unknown) => void;
}

const RESTART_MS = 1_000;
const NO_ADAPTERS: AdapterLoad = {
  poolDigests: [],
  memoryDigests: [],
  loadingDigests: [],
  pinnedDigests: [],
  poolPages: 0,
  poolPagesUsed: 0,
  memoryBytes: 0,
  roomBytes: 0,
  largestBytes: 0,
};
const IDLE: EngineLoad = { running: 0, waiting: 0, adapters: NO_ADAPTERS };

/** The engine in a thread of its own, because the runtime blocks the thread that computes. */
export class EngineThread implements TextEngine {
  private readonly requests = new Map<number, PieceQueue>();
  private lastId = 0;
  private thread: NativeThread | undefined;
  private ready = false;
  private facts: BaseFacts | undefined;
  private source: AdapterSource | undefined;
  readonly adapters: AdapterTraffic;
  private restart: NodeJS.Timeout | undefined;
  private stopped = false;
  load: EngineLoad = IDLE;

  private constructor(private readonly options: EngineThreadOptions) {
    this.adapters = new AdapterTraffic({
      source: { load: (reference) => this.source?.load(reference) ?? Promise.reject(unavailable()) },
      order: (order, transfer) => this.order(order, transfer),
      load: () => this.load.adapters,
      note: options.onAdapterNote,
    });
  }

  /** Resolves when the model is in memory. @throws Error when it cannot be loaded */
  static async start(options: EngineThreadOptions): Promise<EngineThread> {
    const thread = new EngineThread(options);
    await thread.open();
    return thread;
  }

  get base(): BaseFacts {
    if (this.facts) return this.facts;
    throw new InvariantError('the engine has started');
  }

  get isReady(): boolean {
    return this.ready;
  }

  async *generate(request: GenerationRequest, signal: AbortSignal): AsyncGenerator<GenerationPiece> {
    if (!this.ready) throw unavailable();
    if (this.requests.size >= this.options.requestsMax) {
      const message = 'This worker has all the requests that it can hold: try again shortly.';
      throw new DomainError('exhausted', 'OVERLOADED', message);
    }
    const queue = new PieceQueue();
    this.lastId += 1;
    const id = this.lastId;
    this.requests.set(id, queue);
    const leave = () => queue.end();
    signal.addEventListener('abort', leave, { once: true });
    try {
      if (signal.aborted) return;
      const { promptTokens, adapter, sampling } = request;
      if (adapter) this.adapters.prefetch(adapter);
      this.order({ kind: 'generate', id, promptTokens, adapter, sampling });
      yield* queue.read();
    } finally {
      signal.removeEventListener('abort', leave);
      // Still known: it ended before its last piece, because the caller left.
      if (this.requests.delete(id)) this.order({ kind: 'cancel', id });
    }
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.restart);
    await this.thread?.end();
  }

  private open(): Promise<void> {
    const thread = new NativeThread(new URL('./engine-worker.js', import.meta.url), this.options.engine);
    this.thread = thread;
    return new Promise((resolve, reject) => {
      let failure: unknown;
      thread.on('error', (error) => (failure = error));
      thread.once('exit', (code) => {
        const error = failure ?? new Error(`the engine's thread ended with code ${code}`);
        reject(error instanceof Error ? error : new Error(String(error)));
        this.thread = undefined;
        if (this.ready) this.crashed(error);
      });
      thread.on('message', (report: EngineReport) => {
        if (report.kind !== 'ready') {
          this.hear(report);
          return;
        }
        this.ready = true;
        this.facts = report.base;
        this.source = this.options.adapters(report.base);
        resolve();
      });
    });
  }

  private crashed(error: unknown): void {
    this.ready = false;
    this.load = IDLE;
    for (const queue of this.requests.values()) queue.end(unavailable());
    this.requests.clear();
    this.adapters.lost(unavailable);
    if (this.stopped) return;
    this.options.onCrash(error);
    this.reopenLater();
  }

  private reopenLater(): void {
    this.restart = setTimeout(() => {
      this.open().catch((error: unknown) => {
        if (this.stopped) return;
        this.options.onCrash(error);
        this.reopenLater();
      });
    }, RESTART_MS);
  }

  private hear(report: Exclude<EngineReport, { kind: 'ready' }>): void {
    switch (report.kind) {
      case 'load':
        this.load = report.load;
        return;
      case 'piece': {
        const queue = this.requests.get(report.id);
        queue?.push(report.piece);
        if (report.piece.finishReason !== '') this.finish(report.id);
        return;
      }
      case 'failed':
        this.finish(report.id, fromPlain(report.error));
        return;
      default:
        this.adapters.hear(report);
    }
  }

  private finish(id: number, error?: Error): void {
    this.requests.get(id)?.end(error);
    this.requests.delete(id);
  }

  private order(order: EngineOrder, transfer: readonly ArrayBuffer[] = []): void {
    this.thread?.postMessage(order, transfer);
  }
}

const unavailable = (): DomainError =>
  new DomainError(
    'unavailable',
    'ENGINE_UNAVAILABLE',
    'The engine is being started again: try again shortly.',
  );
