import type { Budget } from '../../domain/billing/budget.js';
import type { SettlementStore } from '../ports.js';

/** Sets, changes and lifts budgets; a change counts from the next lease or hold on. */
export class SetBudget {
  constructor(private readonly store: SettlementStore) {}

  set(budget: Budget, now: Date): Promise<void> {
    return this.store.transaction((tx) => tx.budgets.save(budget, now));
  }

  lift(organisationId: string): Promise<void> {
    return this.store.transaction((tx) => tx.budgets.remove(organisationId));
  }
}
