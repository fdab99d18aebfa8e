/** Time after which a measurement counts for half as much. */
const HALF_LIFE_SECONDS = 30;

/**
 * Tokens per second of computing, as an exponentially weighted mean over the time computed: idle time
 * neither counts nor ages what was measured.
 */
export class RateEstimate {
  private tokens = 0;
  private seconds = 0;

  observe(tokens: number, seconds: number): void {
    const kept = 0.5 ** (seconds / HALF_LIFE_SECONDS);
    this.tokens = this.tokens * kept + tokens;
    this.seconds = this.seconds * kept + seconds;
  }

  /** 0 before the first measurement. */
  get perSecond(): number {
    return this.seconds > 0 ? this.tokens / this.seconds : 0;
  }
}
