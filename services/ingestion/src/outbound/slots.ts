import { DomainError } from '@openledger/kernel';

/** Lets `max` run at once and `waitingMax` wait, in order; refuses the rest. */
export class Slots {
  private free: number;
  private readonly waiting: (() => void)[] = [];

  constructor(
    max: number,
    private readonly waitingMax: number,
  ) {
    this.free = max;
  }

  /** @throws DomainError UPLOADS_BUSY */
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
    if (this.waiting.length >= this.waitingMax) {
      throw uploadsBusy();
    }
    await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  /** A slot passes from hand to hand while somebody waits. */
  private give(): void {
    const next = this.waiting.shift();
    if (next) next();
    else this.free += 1;
  }
}

export const uploadsBusy = () =>
  new DomainError('exhausted', 'UPLOADS_BUSY', 'Too many uploads are being read: try again shortly.');
