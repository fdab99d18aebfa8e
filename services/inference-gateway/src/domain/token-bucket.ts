const MINUTE_MS = 60_000;

/** How a bucket stands after a question; times in milliseconds. */
export interface BucketState {
  readonly limit: number;
  readonly remaining: number;
  /** Until it is full again. */
  readonly resetMs: number;
}

/**
 * So much a minute, saved up to a minute's worth: a token bucket kept as one number, the time at which it will be
 * full again (the theoretical arrival time of ITU-T I.371's generic cell rate algorithm).
 */
export class TokenBucket {
  private fullAt = 0;

  /** @param limit what flows in each minute, and the most it holds */
  constructor(readonly limit: number) {}

  /** How long until `amount` is there: 0 now, Infinity where it is more than the bucket ever holds. */
  waitMs(amount: number, now: number): number {
    if (amount > this.limit) return Number.POSITIVE_INFINITY;
    const debt = Math.max(0, this.fullAt - now) + this.timeOf(amount);
    return Math.max(0, debt - MINUTE_MS);
  }

  /** Takes it, whether it is there or not; what was taken too much is missing afterwards. */
  take(amount: number, now: number): void {
    this.fullAt = Math.max(this.fullAt, now) + this.timeOf(amount);
  }

  /** Puts back what was taken and not used. */
  giveBack(amount: number): void {
    this.fullAt -= this.timeOf(amount);
  }

  state(now: number): BucketState {
    const resetMs = Math.max(0, this.fullAt - now);
    const remaining = Math.max(0, Math.floor(this.limit * (1 - resetMs / MINUTE_MS)));
    return { limit: this.limit, remaining, resetMs };
  }

  private timeOf(amount: number): number {
    return (amount / this.limit) * MINUTE_MS;
  }
}
