import { DomainError, InvariantError } from '@openledger/kernel';
import { NativeThread } from '@openledger/worker-thread';
import type { AdapterNote } from '../application/adapter-messages.js';
import { AdapterTraffic } from '../application/adapter-traffic.js';
import {
  type BaseFacts,
  type EngineLoad,
  type EngineOrder,
  type EngineReport,
  idleLoad,
  type StepNote,
} from '../application/engine-messages.js';
import type {
  EmbeddingRequest,
  GenerationPiece,
  GenerationRequest,
  WeightedReference,
} from '../application/generation.js';
import { RequestDesk, type RequestDeskOptions } from '../application/request-desk.js';
import type { AdapterSource, TextEngine } from '../application/text-engine.js';
import type { EngineWorkerData } from './engine-worker-data.js';

export interface EngineThreadOptions {
  readonly engine: EngineWorkerData;
  readonly adapters: (base: BaseFacts) => AdapterSource;
  /** Told of what happens to adapters, for the metrics. */
  readonly onAdapterNote: (note: AdapterNote) => void;
  readonly onStep: (note: StepNote) => void;
  /** What is taken in, and how it is told. */
  readonly requests: Pick<RequestDeskOptions, 'limits' | 'stream' | 'refused' | 'heldBack'>;
  /** Told when the thread died; it is started again. */
  readonly onCrash: (error: unknown) => void;
}

const RESTART_MS = 1_000;

/** The engine in a thread of its own, because the runtime blocks the thread that computes. */
export class EngineThread implements TextEngine {
  private readonly desk: RequestDesk;
  private thread: NativeThread | undefined;
  private ready = false;
  private facts: BaseFacts | undefined;
  private source: AdapterSource | undefined;
  readonly adapters: AdapterTraffic;
  private restart: NodeJS.Timeout | undefined;
  private stopped = false;
  private told: EngineLoad = idleLoad;

  private constructor(private readonly options: EngineThreadOptions) {
    this.adapters = new AdapterTraffic({
      source: { load: (reference) => this.source?.load(reference) ?? Promise.reject(unavailable()) },
      order: (order, transfer) => this.order(order, transfer),
      load: () => this.load.adapters,
      note: options.onAdapterNote,
    });
    this.desk = new RequestDesk({
      ...options.requests,
      order: (order) => {
        // Begins before the engine, which may be in a step, hears of the request.
        if (order.kind === 'request') this.prefetch(order.adapters);
        this.order(order);
      },
      contextTokens: () => this.base.contextTokens,
      rates: () => ({
        prefill: this.told.prefillTokensPerSecond,
        decode: this.told.decodeTokensPerSecond,
      }),
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

  /** With the tokens of requests that the engine has not heard of yet. */
  get load(): EngineLoad {
    return { ...this.told, queuedTokens: this.desk.queuedTokens };
  }

  async *generate(request: GenerationRequest, signal: AbortSignal): AsyncGenerator<GenerationPiece> {
    if (!this.ready) throw unavailable();
    yield* this.desk.generate(request, signal);
  }

  async embed(request: EmbeddingRequest, signal: AbortSignal): Promise<Float32Array> {
    if (!this.ready) throw unavailable();
    return this.desk.embed(request, signal);
  }

  stopRun(requestId: string): void {
    this.desk.stop(requestId);
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
    this.told = idleLoad;
    this.desk.lost(unavailable);
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
        this.told = { ...report.load, adapters: report.adapters ?? this.told.adapters };
        return;
      case 'stepped':
        this.options.onStep(report.step);
        return;
      case 'piece':
      case 'embedded':
      case 'failed':
        this.desk.hear(report);
        return;
      default:
        this.adapters.hear(report);
    }
  }

  private prefetch(adapters: readonly WeightedReference[]): void {
    for (const { reference } of adapters) this.adapters.prefetch(reference);
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
