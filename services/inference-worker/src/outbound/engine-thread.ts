import { DomainError, InvariantError } from '@openledger/kernel';
import type { ServedAdapter } from '@openledger/transformer';
import { NativeThread } from '@openledger/worker-thread';
import type { BaseFacts, EngineLoad, EngineOrder, EngineReport } from '../application/engine-messages.js';
import type { AdapterReference, GenerationPiece, GenerationRequest } from '../application/generation.js';
import { PieceQueue } from '../application/piece-queue.js';
import { fromPlain, toPlain } from '../application/plain-error.js';
import type { AdapterSource, TextEngine } from '../application/text-engine.js';
import type { EngineWorkerData } from './engine-worker-data.js';

export interface EngineThreadOptions {
  readonly engine: EngineWorkerData;
  readonly adapters: (base: BaseFacts) => AdapterSource;
  /** Requests taken in at once, running or waiting. */
  readonly requestsMax: number;
  /** Told when the thread died; it is started again. */
  readonly onCrash: (error: unknown) => void;
}

const RESTART_MS = 1_000;
const IDLE: EngineLoad = { running: 0, waiting: 0, residentDigests: [] };

/** The engine in a thread of its own, because the runtime blocks the thread that computes. */
export class EngineThread implements TextEngine {
  private readonly requests = new Map<number, PieceQueue>();
  private lastId = 0;
  private thread: NativeThread | undefined;
  private ready = false;
  private facts: BaseFacts | undefined;
  private source: AdapterSource | undefined;
  private restart: NodeJS.Timeout | undefined;
  private stopped = false;
  load: EngineLoad = IDLE;

  private constructor(private readonly options: EngineThreadOptions) {}

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
      case 'wanted':
        void this.fetch(report.adapter);
        return;
      case 'piece': {
        const queue = this.requests.get(report.id);
        queue?.push(report.piece);
        if (report.piece.finishReason !== '') this.finish(report.id);
        return;
      }
      case 'failed':
        this.finish(report.id, fromPlain(report.error));
    }
  }

  private finish(id: number, error?: Error): void {
    this.requests.get(id)?.end(error);
    this.requests.delete(id);
  }

  private async fetch(reference: AdapterReference): Promise<void> {
    const { digest } = reference;
    try {
      const adapter = await this.source?.load(reference);
      if (adapter) this.order({ kind: 'adapter', digest, adapter }, buffersOf(adapter));
    } catch (error) {
      this.order({ kind: 'adapter-failed', digest, error: toPlain(error) });
    }
  }

  private order(order: EngineOrder, transfer: readonly ArrayBuffer[] = []): void {
    this.thread?.postMessage(order, transfer);
  }
}

/** Weights move to the engine's thread without a copy. */
function buffersOf({ weights }: ServedAdapter): ArrayBuffer[] {
  const buffers = new Set<ArrayBuffer>();
  for (const { data } of weights.values()) {
    if (data.buffer instanceof ArrayBuffer) buffers.add(data.buffer);
  }
  return [...buffers];
}

const unavailable = (): DomainError =>
  new DomainError(
    'unavailable',
    'ENGINE_UNAVAILABLE',
    'The engine is being started again: try again shortly.',
  );
