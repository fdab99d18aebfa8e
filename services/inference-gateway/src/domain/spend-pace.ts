/** How much an organisation spends, over two windows of equal length: the one under way and the one before. */
export class SpendPace {
  private startedMs: number;
  private currentWei = 0n;
  private previousWei = 0n;

  constructor(
    private readonly windowMs: number,
    nowMs: number,
  ) {
    this.startedMs = nowMs;
  }

  add(wei: bigint, nowMs: number): void {
    this.turn(nowMs);
    this.currentWei += wei;
  }

  /** The larger of both windows: a pause of less than a window forgets nothing. */
  perWindowWei(nowMs: number): bigint {
    this.turn(nowMs);
    if (this.currentWei > this.previousWei) return this.currentWei;
    return this.previousWei;
  }

  private turn(nowMs: number): void {
    const passed = Math.floor((nowMs - this.startedMs) / this.windowMs);
    if (passed <= 0) return;
    this.previousWei = passed === 1 ? this.currentWei : 0n;
    this.currentWei = 0n;
    this.startedMs += passed * this.windowMs;
  }
}

/** What the next lease is sized by. */
export interface LeaseNeed {
  /** The most that the request at hand can cost. */
  readonly mostWei: bigint;
  /** Reserved by requests under way: about as many will run at once on the next lease. */
  readonly reservedWei: bigint;
  /** The same of those that wait for money. */
  readonly waitingWei: bigint;
  readonly spentPerWindowWei: bigint;
}

/** Requests like the one at hand that a lease carries on top, so that a quiet organisation need not ask for each. */
const REQUESTS = 16n;
/** Windows of recent spend. */
const WINDOWS = 2n;

export const wantedWei = ({ mostWei, reservedWei, waitingWei, spentPerWindowWei }: LeaseNeed): bigint =>
  mostWei * REQUESTS + reservedWei + waitingWei + spentPerWindowWei * WINDOWS;
