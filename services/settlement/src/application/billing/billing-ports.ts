import type { Price } from '@openledger/kernel';
import type { Budget } from '../../domain/billing/budget.js';
import type { FreeTier, Grant } from '../../domain/billing/free-tier.js';
import type { PriceVersion } from '../../domain/billing/price.js';
import type { CreditNote } from '../../domain/billing/refund.js';
import type { PricedModel } from '../metering/metering-ports.js';

export interface NewPriceVersion {
  readonly modelId: string;
  readonly price: Price;
  readonly effectiveAt: Date;
  readonly announcedAt: Date;
  /** Who did; empty for a deployment. */
  readonly announcedBy: string;
}

/** Price lists of models; versions are added and never changed. */
export interface PriceLedger {
  /** The whole lists of these models, in no order; models that are not deployed are absent. */
  versions(modelIds: readonly string[]): Promise<ReadonlyMap<string, PriceVersion[]>>;
  /** With the model locked. The price that a deployment brings; repeating it changes nothing. */
  deployed(model: PricedModel): Promise<void>;
  /** With the model locked. */
  add(version: NewPriceVersion): Promise<PriceVersion>;
}

export interface FreeTierLedger {
  save(tier: FreeTier, now: Date): Promise<void>;
  /** Whether a grant of the month is due, or an earlier one is to be closed; reads only. */
  isDue(organisationId: string, month: string): Promise<boolean>;
  /** Locks the tier until commit. */
  lock(organisationId: string): Promise<FreeTier | undefined>;
  /** The month of the last grant there was. */
  latestMonth(organisationId: string): Promise<string | undefined>;
  /** Grants of earlier months that are not closed. */
  openBefore(organisationId: string, month: string): Promise<Grant[]>;
  insert(grant: Grant, now: Date): Promise<void>;
  close(grant: Grant, returnedWei: bigint, now: Date): Promise<void>;
}

export interface BudgetStanding {
  readonly budget: Budget;
  readonly spentWei: bigint;
}

export interface BudgetLedger {
  find(organisationId: string): Promise<Budget | undefined>;
  save(budget: Budget, now: Date): Promise<void>;
  remove(organisationId: string): Promise<void>;
  /** Fees of the organisation; of the month, or ever. */
  spent(organisationId: string, month?: string): Promise<bigint>;
  /** Budgets with a threshold that the month's spend has reached and that was not told; at most `limit`. */
  untold(month: string, limit: number): Promise<BudgetStanding[]>;
  /** False when this threshold was told in this month. */
  tell(organisationId: string, month: string, percent: number, now: Date): Promise<boolean>;
}

/** What of an answer a refund goes by. */
export interface ChargedAnswer {
  readonly organisationId: string;
  readonly modelId: string;
  /** Absent until metered. */
  readonly feeWei?: bigint;
}

export interface RefundLedger {
  /** Keeps other refunds of this id, and of this answer, waiting until commit. */
  lock(refund: { readonly id: string; readonly requestId: string }): Promise<void>;
  answer(requestId: string): Promise<ChargedAnswer | undefined>;
  find(refundId: string): Promise<CreditNote | undefined>;
  refundedWei(requestId: string): Promise<bigint>;
  /** The next number of the organisation's year, and a time that is not before that of the last: locked until commit. */
  nextNumber(
    organisationId: string,
    year: number,
    now: Date,
  ): Promise<Pick<CreditNote, 'number' | 'issuedAt'>>;
  insert(note: CreditNote): Promise<void>;
}
