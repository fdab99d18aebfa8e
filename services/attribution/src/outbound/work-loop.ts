import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { AttributionStore } from '../application/ports.js';
import type { WorkQueue } from '../application/work-queue.js';

const LEASE_SECONDS = 30;
const RENEW_MS = 10_000;

export interface WorkLoopOptions {
  readonly store: AttributionStore;
  readonly queue: WorkQueue;
  readonly pollMs: number;
  readonly onError: (error: unknown) => void;
}

/** Works through the queue while this replica holds the lease; work cut short by a stop is done again later. */
export class WorkLoop {
  private readonly abort = new AbortController();
  private readonly holder = randomUUID();
  private running: Promise<void> | undefined;

  constructor(private readonly options: WorkLoopOptions) {}

  start(): void {
    this.running = this.loop();
  }

  async stop(): Promise<void> {
    this.abort.abort();
    await this.running;
    await this.options.store.releaseExecution(this.holder);
  }

  private async loop(): Promise<void> {
    const { store, queue, pollMs, onError } = this.options;
    const { signal } = this.abort;
    while (!signal.aborted) {
      try {
        const busy = (await store.holdExecution(this.holder, LEASE_SECONDS)) && (await this.work(queue));
        if (!busy) await delay(pollMs, undefined, { signal }).catch(() => undefined);
      } catch (error) {
        onError(error);
        await delay(pollMs, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  /** Renews the lease while the work goes on; a replica that lost it stops. */
  private async work(queue: WorkQueue): Promise<boolean> {
    const lost = new AbortController();
    const renew = setInterval(() => {
      this.options.store.holdExecution(this.holder, LEASE_SECONDS).then(
        (held) => held || lost.abort(),
        (error: unknown) => this.options.onError(error),
      );
    }, RENEW_MS);
    try {
      return await queue.next(AbortSignal.any([this.abort.signal, lost.signal]));
    } finally {
      clearInterval(renew);
    }
  }
}
