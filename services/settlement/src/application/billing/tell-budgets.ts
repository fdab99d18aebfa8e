import { encodeEvent, topics } from '@openledger/contracts';
import { DomainError, derivedId } from '@openledger/kernel';
import { type Budget, reachedPercents, SPENT_PERCENT } from '../../domain/billing/budget.js';
import { monthOf } from '../../domain/billing/month.js';
import type { SettlementStore, SettlementTx } from '../ports.js';
import type { BudgetStanding } from './billing-ports.js';

const BATCH_MAX = 100;

/** Tells organisations how much of their budget is spent: each threshold once a month, whatever the clock does. */
export class TellBudgets {
  constructor(private readonly store: SettlementStore) {}

  /** Answers how many budgets there was something to tell of. */
  run(now: Date): Promise<number> {
    return this.store.transaction(async (tx) => {
      const standings = await tx.budgets.untold(monthOf(now), BATCH_MAX);
      for (const standing of standings) {
        for (const percent of reachedPercents(standing.budget, standing.spentWei)) {
          await tell(tx, standing, percent, now);
        }
      }
      return standings.length;
    });
  }
}

/**
 * Runs what sets money aside. Where the budget refuses it, it counts as spent, although a little of it may be left that is too
 * little for this request: its owner has to know that requests fail.
 */
export async function withinBudget<T>(
  store: SettlementStore,
  organisationId: string,
  now: Date,
  work: (tx: SettlementTx) => Promise<T>,
): Promise<T> {
  try {
    return await store.transaction(work);
  } catch (error) {
    if (error instanceof DomainError && error.code === 'BUDGET_EXCEEDED') {
      await store.transaction((tx) => tellSpent(tx, organisationId, now));
    }
    throw error;
  }
}

async function tellSpent(tx: SettlementTx, organisationId: string, now: Date): Promise<void> {
  const budget = await tx.budgets.find(organisationId);
  if (!budget?.alertPercents.includes(SPENT_PERCENT)) return;
  const spentWei = await tx.budgets.spent(organisationId, monthOf(now));
  await tell(tx, { budget, spentWei }, SPENT_PERCENT, now);
}

async function tell(tx: SettlementTx, standing: BudgetStanding, percent: number, now: Date): Promise<void> {
  const { budget, spentWei } = standing;
  const month = monthOf(now);
  if (!(await tx.budgets.tell(budget.organisationId, month, percent, now))) return;
  await tx.emit(alertOf(budget, spentWei, percent, now));
}

function alertOf(budget: Budget, spentWei: bigint, percent: number, now: Date) {
  const { organisationId } = budget;
  const month = monthOf(now);
  const id = derivedId(`${organisationId}:${month}:${percent}`, topics.budgetAlert.name);
  return encodeEvent(topics.budgetAlert, id, {
    organisationId,
    month,
    thresholdPercent: percent,
    budgetWei: budget.monthlyWei.toString(),
    spentWei: spentWei.toString(),
    toldAt: now,
  });
}
