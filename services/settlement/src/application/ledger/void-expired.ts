import { derivedId } from '@openledger/kernel';
import type { SettlementStore } from '../ports.js';

const EXPIRED_BATCH_MAX = 1_000;

/** Frees pending transfers whose time ran out. */
export class VoidExpired {
  constructor(private readonly store: SettlementStore) {}

  /** Answers how many were freed; one that somebody resolves at the same time is theirs. */
  run(): Promise<number> {
    return this.store.transaction(async (tx) => {
      const expired = await tx.ledger.expired(EXPIRED_BATCH_MAX);
      const results = await tx.ledger.submit(
        expired.map(({ id, debit, credit, amountWei, reference }) => ({
          id: derivedId(id, 'expired'),
          kind: 'void',
          debit,
          credit,
          amountWei,
          pendingId: id,
          reason: 'expired',
          reference,
        })),
      );
      return results.filter(({ code }) => code === 'created').length;
    });
  }
}
