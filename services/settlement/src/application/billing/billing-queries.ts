import type { Budget, BudgetUse } from '../../domain/billing/budget.js';
import type { FreeTier } from '../../domain/billing/free-tier.js';
import type { PriceVersion } from '../../domain/billing/price.js';
import type { CreditNote } from '../../domain/billing/refund.js';

export interface BudgetReport extends BudgetUse {
  readonly budget: Budget;
  /** Told in this month. */
  readonly toldPercents: readonly number[];
}

export interface FreeTierReport {
  readonly tier: FreeTier;
  /** The last grant. */
  readonly grant?: { readonly month: string; readonly amountWei: bigint; readonly unspentWei: bigint };
}

/** Where a page of credit notes begins. */
export type CreditNotePlace = Pick<CreditNote, 'year' | 'number'>;

/** Reads of prices, budgets, free tiers and credit notes; nothing in here changes anything. */
export abstract class BillingQueries {
  /** The whole list of a model, in no order; empty before its deployment is known. */
  abstract prices(modelId: string): Promise<PriceVersion[]>;
  /** `month` is `YYYY-MM`. */
  abstract budget(organisationId: string, month: string): Promise<BudgetReport | undefined>;
  abstract freeTier(organisationId: string): Promise<FreeTierReport | undefined>;
  abstract sponsorWei(name: string): Promise<bigint>;
  /** Newest first. */
  abstract creditNotes(
    organisationId: string,
    before: CreditNotePlace | undefined,
    limit: number,
  ): Promise<CreditNote[]>;
}
