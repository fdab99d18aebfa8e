import type { Clock } from '@openledger/kernel';
import type { IngestionStore } from '../application/ports.js';

const EVERY_MS = 10 * 60_000;

interface Log {
  warn(fields: object, message: string): void;
}

/** Forgets, from time to time, what nobody signed. Their blobs stay: others may have sent the same bytes. */
export class UnsignedSweep {
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly store: IngestionStore,
    private readonly clock: Clock,
    private readonly log: Log,
  ) {}

  start(): void {
    this.run();
    this.timer = setInterval(() => this.run(), EVERY_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.running;
  }

  private run(): void {
    this.running = this.store
      .sweepUnsigned(this.clock.now())
      .catch((err: unknown) => this.log.warn({ err }, 'sweeping unsigned contributions failed'));
  }
}
