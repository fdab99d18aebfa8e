import type { SettlementStore } from '../ports.js';
import type { Party, Payee } from './metering-ports.js';

/** Keeps copies of who can be paid where, and of which accounts are one party. */
export class RecordPayees {
  constructor(private readonly store: SettlementStore) {}

  payee(eventId: string, payee: Payee): Promise<boolean> {
    return this.store.once(eventId, (tx) => tx.metering.savePayee(payee));
  }

  party(eventId: string, party: Party): Promise<boolean> {
    return this.store.once(eventId, (tx) => tx.metering.saveParty(party));
  }
}
