import { setTimeout as delay } from 'node:timers/promises';

export interface BackgroundLoop {
  readonly name: string;
  readonly everyMs: number;
  readonly work: () => Promise<void>;
}

/** Runs each loop one pass at a time, for ever; a pass that fails is reported, and the next one comes all the same. */
export class Background {
  private readonly stopping = new AbortController();
  private running: Promise<void>[] = [];

  constructor(
    private readonly loops: readonly BackgroundLoop[],
    private readonly onError: (name: string, error: unknown) => void,
  ) {}

  start(): void {
    this.running = this.loops.map((loop) => this.run(loop));
  }

  /** Resolves when the passes under way have ended. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await Promise.all(this.running);
  }

  private async run(loop: BackgroundLoop): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      try {
        await loop.work();
      } catch (error) {
        this.onError(loop.name, error);
      }
      await delay(loop.everyMs, undefined, { signal }).catch(() => undefined);
    }
  }
}
