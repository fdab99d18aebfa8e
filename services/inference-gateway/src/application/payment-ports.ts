import type { Price } from '@openledger/kernel';

/** What a request may come to. */
export interface SpendRequest {
  readonly requestId: string;
  readonly organisationId: string;
  readonly modelId: string;
  readonly promptTokens: number;
  readonly completionTokensMax: number;
  /** The price of that many tokens, above 0. */
  readonly mostWei: bigint;
}

/** Money that nothing else can spend; ended by exactly one of its methods. */
export interface Reservation {
  /** The lease that pays, or the request's own hold. */
  readonly holdId: string;
  /** The answer is recorded and cost this much; the rest is free again. */
  spend(feeWei: bigint): void;
  /** Whether the answer was recorded is not known, so all of it counts as spent here. */
  forfeit(): void;
  /** Nothing was served. Never throws: what cannot be given back now runs out by itself. */
  release(): Promise<void>;
}

export interface Balances {
  /**
   * For requests of one organisation, in their order: all of them or none.
   * @throws DomainError INSUFFICIENT_BALANCE, BUDGET_EXCEEDED, FUNDS_LEASED
   */
  reserveAll(requests: readonly SpendRequest[]): Promise<readonly Reservation[]>;
}

/** Holds: a call to settlement for one request. */
export interface Holds {
  /** Answers the hold's id. @throws DomainError INSUFFICIENT_BALANCE, BUDGET_EXCEEDED */
  hold(request: SpendRequest): Promise<string>;
  /** @throws DomainError */
  release(holdId: string): Promise<void>;
}

export interface LeaseRequest {
  readonly leaseId: string;
  readonly organisationId: string;
  readonly wantedWei: bigint;
  readonly minimumWei: bigint;
}

export type LeaseAnswer =
  | { readonly kind: 'granted'; readonly grantedWei: bigint; readonly useForMs: number }
  /** The organisation has the minimum, but part of it is set aside for others. */
  | { readonly kind: 'set-aside'; readonly retryAfterMs: number };

/** Leases: a call to settlement for many requests. */
export interface Lender {
  /** @throws DomainError INSUFFICIENT_BALANCE, BUDGET_EXCEEDED */
  lease(request: LeaseRequest): Promise<LeaseAnswer>;
  /** `receipts` is how many name the lease, and no more will. @throws DomainError */
  returnLease(leaseId: string, receipts: number): Promise<void>;
}

/** A price with all that is known of its future, in times from now on: no clock is compared. */
export interface PriceQuote {
  readonly price: Price;
  readonly next?: { readonly price: Price; readonly inMs: number };
  /** Nothing else takes effect within this time. */
  readonly goodForMs: number;
}

export interface Prices {
  /** @throws DomainError MODEL_NOT_DEPLOYED */
  price(modelId: string): Promise<PriceQuote>;
}

/** The leases that gateways of this database have, so that none is lost when one of them dies. */
export interface LeaseBook {
  /** Before it is asked for. */
  open(leaseId: string, organisationId: string): Promise<void>;
  /** Says that these are in use here; answers which of them still may be. */
  keepAlive(leaseIds: readonly string[]): Promise<readonly string[]>;
  /** Keeps further receipts from naming the lease and counts those that do; undefined when it is forgotten. */
  close(leaseId: string): Promise<number | undefined>;
  /** It was returned. */
  forget(leaseId: string): Promise<void>;
  /** Leases whose gateway is gone or could not return them; at most `limit`. */
  unreturned(limit: number): Promise<readonly string[]>;
}
