import { invariant } from '@openledger/kernel';

/**
 * Money on lease, spent without asking anybody: `granted = free + reserved + spent` at all times. Times are in ms of a
 * clock that only runs forward.
 */
export class SpendLease {
  private reservedWei = 0n;
  private spentWei = 0n;
  private requests = 0;
  private ended = false;

  constructor(
    readonly id: string,
    readonly grantedWei: bigint,
    /** No request begins on it from then on. */
    readonly useUntilMs: number,
  ) {}

  get freeWei(): bigint {
    return this.grantedWei - this.reservedWei - this.spentWei;
  }

  /** Whether requests still run on it. */
  get isInUse(): boolean {
    return this.requests > 0;
  }

  /** What new requests may still take at that time. */
  usableWei(nowMs: number): bigint {
    return this.ended || nowMs >= this.useUntilMs ? 0n : this.freeWei;
  }

  /** From now on nothing can be reserved. */
  end(): void {
    this.ended = true;
  }

  /** Sets the most that a request can cost aside; false when there is not that much. */
  reserve(mostWei: bigint, nowMs: number): boolean {
    invariant(mostWei > 0n, 'a reservation is for something');
    if (this.usableWei(nowMs) < mostWei) return false;
    this.reservedWei += mostWei;
    this.requests += 1;
    return true;
  }

  /** Ends a reservation; the part that was not spent is free again. */
  settle(mostWei: bigint, spentWei: bigint): void {
    invariant(this.requests > 0 && mostWei <= this.reservedWei, 'what is settled was reserved');
    this.requests -= 1;
    this.reservedWei -= mostWei;
    this.spentWei += spentWei;
  }
}
