import type { Price } from '@openledger/kernel';
import type { FeePart } from '../domain/split/split-fee.js';
import type { Epoch } from './epochs/epoch-ports.js';
import type { FeeDiscrepancy } from './prepaid/lease-ports.js';

/** What an organisation can spend, and what is set aside for requests under way and on lease to gateways. */
export interface Balance {
  readonly availableWei: bigint;
  readonly heldWei: bigint;
}

export interface Receipt {
  readonly requestId: string;
  readonly organisationId: string;
  readonly modelId: string;
  readonly promptTokens: number;
  readonly cachedTokens?: number;
  readonly completionTokens: number;
  readonly servedAt: Date;
  /** What the tokens cost by the list. */
  readonly pricedWei?: bigint;
  /** What was charged: never more than was set aside. Absent until metered. */
  readonly feeWei?: bigint;
  readonly creditedAt?: Date;
  /** Empty until credited; then they sum to the fee. */
  readonly parts: readonly (FeePart & { readonly partyId: string })[];
}

export interface Earnings {
  readonly payeeId: string;
  readonly partyId?: string;
  readonly wallet?: string;
  /** Everything credited so far. */
  readonly earnedWei: bigint;
  /** Credited, and waiting for the next epoch. */
  readonly accruedWei: bigint;
  /** Promised to the wallet by epochs, over all payees that share it. */
  readonly promisedWei: bigint;
  /** Claimed by the wallet. */
  readonly paidWei: bigint;
}

export interface WalletClaim {
  readonly epoch: number;
  readonly wallet: string;
  readonly totalWei: bigint;
  readonly claimedWei: bigint;
  readonly proof: readonly string[];
  /** What the newest root that does not pay yet will bring the total to, and when. */
  readonly next?: { readonly epoch: number; readonly totalWei: bigint; readonly activeAt: Date };
}

/** A queued transaction that has not got through. */
export interface StuckTransaction {
  readonly purpose: string;
  readonly state: string;
  readonly error: string;
}

/** Debits equal credits, posted and pending, or something is broken. */
export interface TrialBalance {
  readonly debitsWei: bigint;
  readonly creditsWei: bigint;
  readonly pendingDebitsWei: bigint;
  readonly pendingCreditsWei: bigint;
  /** Fees that are metered and wait for their attribution. */
  readonly clearingWei: bigint;
}

/** Reads for the interfaces; nothing in here changes anything. */
export abstract class SettlementQueries {
  /** Undefined before the model's deployment is known. */
  abstract price(modelId: string): Promise<Price | undefined>;
  /** Answers whose gateway told another fee than was charged by; newest first. */
  abstract discrepancies(limit: number): Promise<FeeDiscrepancy[]>;
  abstract balance(organisationId: string): Promise<Balance>;
  abstract receipt(requestId: string): Promise<Receipt | undefined>;
  abstract earnings(payeeId: string): Promise<Earnings>;
  /** Newest first. */
  abstract epochs(before: number, limit: number): Promise<Epoch[]>;
  /** Against the newest root that the distributor pays by. @throws DomainError CLAIM_NOT_ACTIVE */
  abstract claim(wallet: string): Promise<WalletClaim | undefined>;
  abstract stuck(): Promise<StuckTransaction[]>;
  abstract trialBalance(): Promise<TrialBalance>;
}
