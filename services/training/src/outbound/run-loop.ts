import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { ExecuteRuns } from '../application/execute-runs.js';
import type { TrainingStore } from '../application/ports.js';

const LEASE_SECONDS = 30;
const RENEW_MS = 10_000;

export interface RunLoopOptions {
  readonly store: TrainingStore;
  readonly runs: ExecuteRuns;
  readonly pollMs: number;
  readonly onError: (error: unknown) => void;
}

/** Executes waiting runs while this replica holds the lease; a run cut short by a stop is continued later. */
export class RunLoop {
  private readonly abort = new AbortController();
  private readonly holder = randomUUID();
  private running: Promise<void> | undefined;

  constructor(private readonly options: RunLoopOptions) {}

  start(): void {
    this.running = this.loop();
  }

  async stop(): Promise<void> {
    this.abort.abort();
    await this.running;
  }

  private async loop(): Promise<void> {
    const { store, runs, pollMs, onError } = this.options;
    const { signal } = this.abort;
    while (!signal.aborted) {
      try {
        const busy = (await store.holdExecution(this.holder, LEASE_SECONDS)) && (await this.execute(runs));
        if (!busy) await delay(pollMs, undefined, { signal }).catch(() => undefined);
      } catch (error) {
        onError(error);
        await delay(pollMs, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  /** Renews the lease while the run goes on; a replica that lost it stops its run. */
  private async execute(runs: ExecuteRuns): Promise<boolean> {
    const lost = new AbortController();
    const renew = setInterval(() => {
      this.options.store.holdExecution(this.holder, LEASE_SECONDS).then(
        (held) => held || lost.abort(),
        (error: unknown) => this.options.onError(error),
      );
    }, RENEW_MS);
    try {
      return await runs.next(AbortSignal.any([this.abort.signal, lost.signal]));
    } finally {
      clearInterval(renew);
    }
  }
}
