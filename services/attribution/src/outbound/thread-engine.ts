import { DomainError } from '@openledger/kernel';
import { NativeThread } from '@openledger/worker-thread';
import {
  type AnswerOrder,
  AttributionEngine,
  type AuditOrder,
  type AuditReport,
  type IndexProgress,
  type IndexSummary,
  type ModelVersion,
  type Replay,
  type ReplayOrder,
  type ScoreOutcome,
  type Watch,
} from '../application/ports.js';
import type {
  EngineAnswer,
  EngineOptions,
  EngineOrder,
  EngineResult,
  EngineWork,
} from './engine-messages.js';

export interface ThreadEngineOptions extends EngineOptions {
  readonly idleMs: number;
}

/**
 * Computes in a worker thread, which keeps base model, adapter and index of the version it worked on
 * last, and ends when it has had nothing to do for a while: idle, the service holds no model.
 */
export class ThreadEngine extends AttributionEngine {
  private thread: NativeThread | undefined;
  private idle: NodeJS.Timeout | undefined;

  constructor(private readonly options: ThreadEngineOptions) {
    super();
  }

  index(version: ModelVersion, { onProgress, signal }: Watch<IndexProgress>): Promise<IndexSummary> {
    return this.ask('index', version, signal, onProgress);
  }

  score(orders: readonly AnswerOrder[], signal: AbortSignal): Promise<readonly ScoreOutcome[]> {
    return this.ask('score', orders, signal);
  }

  audit(order: AuditOrder, signal: AbortSignal): Promise<AuditReport> {
    return this.ask('audit', order, signal);
  }

  replay(order: ReplayOrder, signal: AbortSignal): Promise<Replay> {
    return this.ask('replay', order, signal);
  }

  async close(): Promise<void> {
    clearTimeout(this.idle);
    const thread = this.thread;
    this.thread = undefined;
    await thread?.end();
  }

  private async ask<K extends keyof EngineWork>(
    kind: K,
    order: EngineWork[K]['order'],
    signal: AbortSignal,
    onProgress?: (progress: IndexProgress) => void,
  ): Promise<EngineWork[K]['result']> {
    signal.throwIfAborted();
    clearTimeout(this.idle);
    const thread = this.running();
    // An order has no way to be called off: the thread is ended, and its work done again later.
    const end = () => void this.close();
    signal.addEventListener('abort', end, { once: true });
    try {
      return await answerOf(thread, { kind, order } as EngineOrder, onProgress);
    } finally {
      signal.removeEventListener('abort', end);
      this.idle = setTimeout(end, this.options.idleMs);
      this.idle.unref();
    }
  }

  private running(): NativeThread {
    if (this.thread) return this.thread;
    const { idleMs: _idleMs, ...data } = this.options;
    const thread = new NativeThread(new URL('./engine-worker.js', import.meta.url), data);
    thread.once('exit', () => {
      if (this.thread === thread) this.thread = undefined;
    });
    this.thread = thread;
    return thread;
  }
}

/** The answer to one order; orders are sent one at a time. */
async function answerOf(
  thread: NativeThread,
  order: EngineOrder,
  onProgress?: (progress: IndexProgress) => void,
): Promise<EngineResult> {
  const listening = new AbortController();
  try {
    return await new Promise<EngineResult>((resolve, reject) => {
      const on = <T>(event: string, listener: (value: T) => void) => {
        thread.on(event, listener);
        listening.signal.addEventListener('abort', () => thread.off(event, listener));
      };
      on('message', (answer: EngineAnswer) => {
        if (answer.kind === 'progress') onProgress?.(answer.progress);
        else if (answer.kind === 'refused') {
          reject(new DomainError(answer.errorKind, answer.code, answer.message));
        } else if (answer.kind === 'broke') reject(answer.error);
        else resolve(answer.result);
      });
      on('error', reject);
      on('exit', (code: number) => reject(new Error(`the attribution thread ended with code ${code}`)));
      thread.postMessage(order);
    });
  } finally {
    listening.abort();
  }
}
