import { type Budget, type BudgetUse, budgetExceeded, leftOf } from '../../domain/billing/budget.js';
import { monthOf } from '../../domain/billing/month.js';
import type { SettlementTx } from '../ports.js';

export interface BudgetLeft {
  readonly budget: Budget;
  readonly use: BudgetUse;
  readonly leftWei: bigint;
}

/**
 * What an organisation's budget leaves; undefined where it has none. With its accounts locked, so that no fee moves between
 * what is set aside and what is spent while this is read.
 */
export async function budgetLeft(
  tx: SettlementTx,
  organisationId: string,
  setAsideWei: bigint,
  now: Date,
): Promise<BudgetLeft | undefined> {
  const budget = await tx.budgets.find(organisationId);
  if (!budget) return undefined;
  const use = { spentWei: await tx.budgets.spent(organisationId, monthOf(now)), setAsideWei };
  return { budget, use, leftWei: leftOf(budget, use) };
}

/** Whether it covers the amount; false where it will once what is set aside comes back. @throws DomainError BUDGET_EXCEEDED */
export function covers(left: BudgetLeft | undefined, neededWei: bigint, now: Date): boolean {
  if (!left || left.leftWei >= neededWei) return true;
  if (left.leftWei + left.use.setAsideWei >= neededWei) return false;
  throw budgetExceeded(left.budget, left.use, neededWei, now);
}
