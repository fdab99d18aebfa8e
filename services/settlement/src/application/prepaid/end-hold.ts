import { derivedId } from '@openledger/kernel';
import type { Transfer } from '../../domain/ledger/transfer.js';
import type { Hold } from '../metering/metering-ports.js';
import type { SettlementStore, SettlementTx } from '../ports.js';
import { pendingTransfer } from './hold-balance.js';

const EXPIRED_BATCH_MAX = 100;

/** Gives holds back: on request, and when they ran out. */
export class EndHold {
  constructor(private readonly store: SettlementStore) {}

  /** Harmless for a hold that has ended or never was. */
  release(requestId: string): Promise<void> {
    return this.store.transaction(async (tx) => {
      const hold = await tx.metering.hold(requestId);
      if (hold?.state === 'held') await giveBack(tx, hold, 'released');
    });
  }

  /** Answers how many ran out. */
  expire(now: Date): Promise<number> {
    return this.store.transaction(async (tx) => {
      const holds = await tx.metering.expiredHolds(now, EXPIRED_BATCH_MAX);
      for (const hold of holds) await giveBack(tx, hold, 'expired');
      return holds.length;
    });
  }
}

async function giveBack(tx: SettlementTx, hold: Hold, state: 'released' | 'expired'): Promise<void> {
  if (hold.heldWei > 0n) await tx.ledger.post([voidOf(hold)]);
  await tx.metering.endHolds([hold.requestId], state);
}

/** Frees the whole hold. */
export function voidOf(hold: Hold): Transfer {
  const pending = pendingTransfer(hold);
  return {
    ...pending,
    id: derivedId(hold.requestId, 'void'),
    kind: 'void',
    pendingId: pending.id,
    reason: 'release',
  };
}
