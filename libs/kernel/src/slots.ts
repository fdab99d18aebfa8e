/** Lets `max` pieces of work run at once and `waitingMax` wait, in order; refuses the rest. */
export class Slots {
  private free: number;
  private readonly waiting: (() => void)[] = [];

  /** @param busy what to throw at the rest */
  constructor(
    max: number,
    private readonly waitingMax: number,
    private readonly busy: () => Error,
  ) {
    this.free = max;
  }

  /** @throws what `busy` makes */
  async with<T>(work: () => Promise<T>): Promise<T> {
    await this.take();
    try {
      return await work();
    } finally {
      this.give();
    }
  }

  private async take(): Promise<void> {
    if (this.free > 0) {
      this.free -= 1;
      return;
    }
    if (this.waiting.length >= this.waitingMax) throw this.busy();
    await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  /** A slot passes from hand to hand while somebody waits, so that nobody slips in between. */
  private give(): void {
    const next = this.waiting.shift();
    if (next) next();
    else this.free += 1;
  }
}
