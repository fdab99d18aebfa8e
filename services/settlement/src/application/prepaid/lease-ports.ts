import type { PotAfter } from '../../domain/metering/draw-fees.js';

/** Money set aside for the requests of one gateway. */
export interface Lease {
  readonly id: string;
  readonly organisationId: string;
  /** As asked for; with the organisation they tell a repeated call from another one under the same id. */
  readonly wantedWei: bigint;
  readonly minimumWei: bigint;
  readonly grantedWei: bigint;
  /** Fees charged to it so far: what is left is the rest, whatever the gateway believes. */
  readonly spentWei: bigint;
  /** Receipts charged to it so far. */
  readonly receipts: number;
  /** How many there will ever be; absent until the lease is returned. */
  readonly receiptsTold?: number;
  /** No new request begins on it from then on. */
  readonly useUntil: Date;
  /** It is given up when nobody has returned it by then. */
  readonly abandonAt: Date;
  readonly state: LeaseState;
}

export type LeaseState = 'open' | 'returned' | 'abandoned';

export interface LeaseLedger {
  /** False when the id is taken. */
  insert(lease: Lease): Promise<boolean>;
  /** Locks the lease until commit. */
  lock(id: string): Promise<Lease | undefined>;
  /** Locks those of these leases that there are until commit. */
  lockAll(ids: readonly string[]): Promise<ReadonlyMap<string, Lease>>;
  /** Keeps what was drawn from locked leases; those that are settled are returned. */
  chargeAll(drawn: readonly PotAfter[]): Promise<void>;
  /** How many receipts there will be; of two answers the larger one stays. */
  tell(id: string, receipts: number): Promise<void>;
  end(id: string, state: 'returned' | 'abandoned'): Promise<void>;
  /** When the next open lease of the organisation ends its use. */
  nextUseEnd(organisationId: string): Promise<Date | undefined>;
  /** Locks at most `limit` leases that nobody has returned in time, skipping those in use. */
  abandoned(now: Date, limit: number): Promise<Lease[]>;
  /** Deletes at most `limit` leases that have ended and were last usable before then; answers how many. */
  forgetEnded(before: Date, limit: number): Promise<number>;
}

/** What settlement makes of an answer whose gateway told another fee or an unknown price. */
export interface FeeDiscrepancy {
  readonly requestId: string;
  /** As told, whatever it was. */
  readonly toldFeeWei: string;
  readonly toldPromptWeiPerMillion: string;
  readonly toldCompletionWeiPerMillion: string;
  /** What was charged by. */
  readonly ownFeeWei: bigint;
  readonly seenAt: Date;
}
