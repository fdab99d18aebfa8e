import { grantFreeTier } from '../billing/grant-free-tier.js';
import type { SettlementStore } from '../ports.js';
import type { Balance, SettlementQueries } from '../queries.js';

/** What an organisation has, what its sponsor grants it for this month included. */
export class ReadBalance {
  constructor(
    private readonly store: SettlementStore,
    private readonly queries: SettlementQueries,
  ) {}

  async run(organisationId: string, now: Date): Promise<Balance> {
    await this.store.transaction((tx) => grantFreeTier(tx, organisationId, now));
    return this.queries.balance(organisationId);
  }
}
