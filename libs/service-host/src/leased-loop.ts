import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

const LEASE_SECONDS = 30;
const RENEW_MS = 10_000;

/** What one replica at a time may hold; a dead one's runs out. */
export interface Lease {
  /** True while `holder` is the only one; renews for `seconds`. */
  hold(holder: string, seconds: number): Promise<boolean>;
  /** Lets the next replica begin at once. */
  release(holder: string): Promise<void>;
}

export interface LeasedLoopOptions {
  readonly lease: Lease;
  /** Does one piece of work; false when there was none. What `signal` cuts short must be safe to do again. */
  readonly work: (signal: AbortSignal) => Promise<boolean>;
  /** Wait when there was nothing to do, when another replica holds the lease, and after a failure. */
  readonly pollMs: number;
  readonly onError: (error: unknown) => void;
}

/** Works piece by piece while this replica holds the lease. */
export class LeasedLoop {
  private readonly abort = new AbortController();
  private readonly holder = randomUUID();
  private running: Promise<void> | undefined;

  constructor(private readonly options: LeasedLoopOptions) {}

  start(): void {
    this.running = this.loop();
  }

  /** Cuts short what is under way. */
  async stop(): Promise<void> {
    this.abort.abort();
    if (this.running === undefined) return;
    await this.running;
    await this.options.lease.release(this.holder);
  }

  private async loop(): Promise<void> {
    const { lease, pollMs, onError } = this.options;
    const { signal } = this.abort;
    while (!signal.aborted) {
      try {
        const busy = (await lease.hold(this.holder, LEASE_SECONDS)) && (await this.workOnce());
        if (busy) continue;
      } catch (error) {
        onError(error);
      }
      await delay(pollMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Renews the lease while the work goes on; a replica that lost it stops. */
  private async workOnce(): Promise<boolean> {
    const { lease, work, onError } = this.options;
    const lost = new AbortController();
    const renew = setInterval(() => {
      lease.hold(this.holder, LEASE_SECONDS).then((held) => held || lost.abort(), onError);
    }, RENEW_MS);
    try {
      return await work(AbortSignal.any([this.abort.signal, lost.signal]));
    } finally {
      clearInterval(renew);
    }
  }
}
