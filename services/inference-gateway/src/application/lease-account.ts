import type { SpendLease } from '../domain/spend-lease.js';
import { type LeaseNeed, SpendPace } from '../domain/spend-pace.js';

/** Over which spend is looked back on; about the life of a lease. */
const PACE_WINDOW_MS = 10_000;
/** More at once are a sign of trouble, not of demand. */
const LEASES_MAX = 16;

/** Of amounts of wei. */
export const sumOf = (amounts: readonly bigint[]): bigint => amounts.reduce((sum, wei) => sum + wei, 0n);

/** What came of asking for a lease; `minimumWei` is what was asked for, as somebody else may need less. */
export type Asked =
  | { readonly kind: 'granted' }
  | { readonly kind: 'set-aside'; readonly minimumWei: bigint; readonly retryAfterMs: number }
  | { readonly kind: 'refused'; readonly minimumWei: bigint; readonly error: unknown }
  | { readonly kind: 'failed' };

/** One organisation's leases at this gateway. Times are in ms of a clock that only runs forward. */
export class LeaseAccount {
  /** The one call to settlement that is under way. */
  asking: Promise<Asked> | undefined;
  /** Settlement is not asked ahead of need before then. */
  quietUntilMs = 0;
  /** As `quietUntilMs`, also where there is need: asking failed. */
  brokenUntilMs = 0;
  /** Of requests that wait for money. */
  waitingWei = 0n;
  /** Oldest first. */
  private readonly leases = new Set<SpendLease>();
  private newest: SpendLease | undefined;
  private renewAtMs = 0;
  private reservedWei = 0n;
  private readonly pace: SpendPace;

  constructor(
    readonly organisationId: string,
    nowMs: number,
  ) {
    this.pace = new SpendPace(PACE_WINDOW_MS, nowMs);
  }

  get isEmpty(): boolean {
    return this.leases.size === 0 && this.asking === undefined && this.waitingWei === 0n;
  }

  get all(): readonly SpendLease[] {
    return [...this.leases];
  }

  add(lease: SpendLease, nowMs: number): void {
    this.leases.add(lease);
    this.newest = lease;
    this.renewAtMs = nowMs + (lease.useUntilMs - nowMs) * 0.75;
  }

  /** Reserves all of them from the oldest lease that has room, so that leases run dry one after the other. */
  take(mostWei: readonly bigint[], nowMs: number): SpendLease | undefined {
    const totalWei = sumOf(mostWei);
    for (const lease of this.leases) {
      if (lease.usableWei(nowMs) < totalWei) continue;
      for (const wei of mostWei) lease.reserve(wei, nowMs);
      this.reservedWei += totalWei;
      return lease;
    }
    return undefined;
  }

  settle(lease: SpendLease, mostWei: bigint, spentWei: bigint, nowMs: number): void {
    lease.settle(mostWei, spentWei);
    this.reservedWei -= mostWei;
    this.pace.add(spentWei, nowMs);
  }

  /** Whether a new lease should be asked for before somebody has to wait for it. */
  isLow(nowMs: number): boolean {
    if (this.asking || nowMs < this.quietUntilMs || this.leases.size >= LEASES_MAX) return false;
    if (this.newest === undefined || nowMs >= this.renewAtMs) return true;
    const usableWei = sumOf(this.all.map((lease) => lease.usableWei(nowMs)));
    return usableWei * 4n < this.newest.grantedWei;
  }

  need(mostWei: bigint, nowMs: number): LeaseNeed {
    const { reservedWei, waitingWei } = this;
    return { mostWei, reservedWei, waitingWei, spentPerWindowWei: this.pace.perWindowWei(nowMs) };
  }

  /** Takes out the leases that nothing runs on and nothing can begin on. */
  takeFinished(nowMs: number): SpendLease[] {
    const finished = this.all.filter((lease) => !lease.isInUse && lease.usableWei(nowMs) === 0n);
    for (const lease of finished) this.leases.delete(lease);
    return finished;
  }
}
