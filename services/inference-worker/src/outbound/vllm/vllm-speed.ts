import { RateEstimate } from '../../domain/scheduling/rate-estimate.js';

/** Tokens per second of time in which the server had something to do. */
export class VllmSpeed {
  private readonly reading = new RateEstimate();
  private readonly writing = new RateEstimate();
  private read = 0;
  private written = 0;
  private since = performance.now();

  constructor(private readonly isBusy: () => boolean) {}

  get prefill(): number {
    return this.reading.perSecond;
  }

  get decode(): number {
    return this.writing.perSecond;
  }

  heard(read: number, written: number): void {
    this.read += read;
    this.written += written;
  }

  tick(): void {
    const now = performance.now();
    const seconds = (now - this.since) / 1_000;
    this.since = now;
    if (this.isBusy() || this.written > 0) {
      this.reading.observe(this.read, seconds);
      this.writing.observe(this.written, seconds);
    }
    [this.read, this.written] = [0, 0];
  }
}
