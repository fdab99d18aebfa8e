import { DomainError, InvariantError } from '@openledger/kernel';
import { NativeThread } from '@openledger/worker-thread';
import {
  type AnswerOrder,
  AttributionEngine,
  type IndexProgress,
  type IndexSummary,
  type ModelVersion,
  type ScoredAnswer,
} from '../application/ports.js';
import type { EngineAnswer, EngineOptions, EngineOrder } from './engine-messages.js';

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

  async index(
    version: ModelVersion,
    watch: { readonly onProgress: (progress: IndexProgress) => void; readonly signal: AbortSignal },
  ): Promise<IndexSummary> {
    const answer = await this.ask({ kind: 'index', version }, watch.signal, watch.onProgress);
    if (answer.kind !== 'indexed') throw new InvariantError(`an index order was answered by ${answer.kind}`);
    return answer.index;
  }

  async score(order: AnswerOrder, signal: AbortSignal): Promise<ScoredAnswer> {
    const answer = await this.ask({ kind: 'score', order }, signal);
    if (answer.kind !== 'scored') throw new InvariantError(`a score order was answered by ${answer.kind}`);
    return answer.score;
  }

  async close(): Promise<void> {
    clearTimeout(this.idle);
    const thread = this.thread;
    this.thread = undefined;
    await thread?.end();
  }

  private async ask(
    order: EngineOrder,
    signal: AbortSignal,
    onProgress?: (progress: IndexProgress) => void,
  ): Promise<EngineAnswer> {
    signal.throwIfAborted();
    clearTimeout(this.idle);
    const thread = this.running();
    // An order has no way to be called off: the thread is ended, and its work done again later.
    const end = () => void this.close();
    signal.addEventListener('abort', end, { once: true });
    try {
      return await answerOf(thread, order, onProgress);
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
): Promise<EngineAnswer> {
  const listening = new AbortController();
  try {
    return await new Promise<EngineAnswer>((resolve, reject) => {
      const on = <T>(event: string, listener: (value: T) => void) => {
        thread.on(event, listener);
        listening.signal.addEventListener('abort', () => thread.off(event, listener));
      };
      on('message', (answer: EngineAnswer) => {
        if (answer.kind === 'progress') onProgress?.(answer.progress);
        else if (answer.kind === 'refused') {
          reject(new DomainError(answer.errorKind, answer.code, answer.message));
        } else if (answer.kind === 'broke') reject(answer.error);
        else resolve(answer);
      });
      on('error', reject);
      on('exit', (code: number) => reject(new Error(`the attribution thread ended with code ${code}`)));
      thread.postMessage(order);
    });
  } finally {
    listening.abort();
  }
}
