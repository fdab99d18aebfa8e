import { DomainError } from '@openledger/kernel';
import { leased, payer } from '../../domain/ledger/accounts.js';
import { availableOf } from '../../domain/ledger/standing.js';
import type { Balance } from '../queries.js';
import type { LedgerQueries } from './ledger-queries.js';

/** What an organisation had at a time: prepaid and free, and set aside for requests and leases. */
export class PastBalance {
  constructor(private readonly queries: LedgerQueries) {}

  /** @throws DomainError TIME_AHEAD */
  async run(organisationId: string, at: Date, now: Date): Promise<Balance> {
    if (at > now) throw new DomainError('invalid', 'TIME_AHEAD', 'ask for a time that has passed');
    const accounts = [payer(organisationId), leased(organisationId)];
    const [prepaid, lent] = await this.queries.standingsAt(accounts, at);
    return {
      availableWei: prepaid ? availableOf(prepaid) : 0n,
      heldWei: (prepaid?.debitsPendingWei ?? 0n) + (lent ? lent.creditsPostedWei - lent.debitsPostedWei : 0n),
    };
  }
}
