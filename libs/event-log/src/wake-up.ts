/** Lets one loop sleep until it is rung; a ring that comes while it works is not lost. */
export class WakeUp {
  private rung = false;
  private resume: (() => void) | undefined;

  ring(): void {
    this.rung = true;
    this.resume?.();
  }

  async wait(atMostMs: number): Promise<void> {
    if (!this.rung) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, atMostMs);
        this.resume = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.resume = undefined;
    }
    this.rung = false;
  }
}
