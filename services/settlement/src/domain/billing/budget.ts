import { DomainError } from '@openledger/kernel';
import { nextMonth } from './month.js';

/** The most that an organisation wants to spend in a month of UTC, its sponsor's money included. */
export interface Budget {
  readonly organisationId: string;
  readonly monthlyWei: bigint;
  /** Parts of it that are told once a month when they are spent; rising. */
  readonly alertPercents: readonly number[];
}

/** Where a month stands. */
export interface BudgetUse {
  readonly spentWei: bigint;
  /** On lease and held: may still be spent. */
  readonly setAsideWei: bigint;
}

export const DEFAULT_ALERT_PERCENTS: readonly number[] = [50, 80, 100];

/** The percentage at which requests are refused. */
export const SPENT_PERCENT = 100;

/** What may still be set aside; less than 0 where a budget was lowered, or answers cost what nobody had reserved. */
export const leftOf = (budget: Budget, { spentWei, setAsideWei }: BudgetUse): bigint =>
  budget.monthlyWei - spentWei - setAsideWei;

/** The thresholds that the spend has reached; of a budget of nothing all of them. */
export const reachedPercents = (budget: Budget, spentWei: bigint): number[] =>
  budget.alertPercents.filter((percent) => spentWei * 100n >= budget.monthlyWei * BigInt(percent));

export function budgetExceeded(budget: Budget, use: BudgetUse, neededWei: bigint, now: Date): DomainError {
  const resetsAt = nextMonth(now).toISOString();
  return new DomainError(
    'payment-required',
    'BUDGET_EXCEEDED',
    `the organisation's budget of this month does not cover it: raise it with PUT /settlement/budget, or wait until ${resetsAt}`,
    {
      details: {
        neededWei: neededWei.toString(),
        budgetWei: budget.monthlyWei.toString(),
        spentWei: use.spentWei.toString(),
        setAsideWei: use.setAsideWei.toString(),
        resetsAt,
      },
    },
  );
}
