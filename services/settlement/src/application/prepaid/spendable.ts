import { invariant } from '@openledger/kernel';
import { type Account, leased, payer } from '../../domain/ledger/accounts.js';
import { availableOf, setAsideOf } from '../../domain/ledger/standing.js';
import { type BudgetLeft, budgetLeft } from '../billing/budget-left.js';
import type { SettlementTx } from '../ports.js';

/** What an organisation can set money aside from; true until commit, because its accounts are locked. */
export interface Spendable {
  readonly availableWei: bigint;
  /** On lease to gateways. */
  readonly lentWei: bigint;
  /** On lease and held. */
  readonly setAsideWei: bigint;
  /** Absent without a budget. */
  readonly budget?: BudgetLeft;
}

/** Locks `others` with the organisation's accounts, in the one order that every batch locks in. */
export async function spendable(
  tx: SettlementTx,
  organisationId: string,
  now: Date,
  others: readonly Account[] = [],
): Promise<Spendable> {
  const [lent, standing] = await tx.ledger.lockAll([
    leased(organisationId),
    payer(organisationId),
    ...others,
  ]);
  invariant(lent && standing, 'accounts stand somewhere once they are locked');
  const lentWei = availableOf(lent);
  const setAsideWei = lentWei + setAsideOf(standing);
  const budget = await budgetLeft(tx, organisationId, setAsideWei, now);
  return { availableWei: availableOf(standing), lentWei, setAsideWei, ...(budget ? { budget } : {}) };
}
