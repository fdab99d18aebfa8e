/** Something that is done again and again, one pass at a time. */
export interface Chore {
  readonly everyMs: number;
  /** Never throws. */
  readonly work: () => Promise<void>;
}

/** Runs chores until it is stopped. */
export class Upkeep {
  private timers: NodeJS.Timeout[] = [];

  constructor(private readonly chores: readonly Chore[]) {}

  start(): void {
    this.timers = this.chores.map(({ everyMs, work }) => {
      let running = false;
      const pass = async () => {
        if (running) return;
        running = true;
        await work();
        running = false;
      };
      return setInterval(() => void pass(), everyMs).unref();
    });
  }

  stop(): void {
    for (const timer of this.timers) clearInterval(timer);
  }
}
