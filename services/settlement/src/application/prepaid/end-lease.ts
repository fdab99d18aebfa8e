import { leased, payer } from '../../domain/ledger/accounts.js';
import { single } from '../../domain/ledger/transfer.js';
import type { SettlementStore, SettlementTx } from '../ports.js';
import type { Lease } from './lease-ports.js';

const ABANDONED_BATCH_MAX = 100;
/** Long after any call about it could be repeated; the money's way stays in the ledger. */
const ENDED_KEPT_MS = 7 * 24 * 3_600_000;
const FORGOTTEN_BATCH_MAX = 1_000;

/**
 * Gives back what is left of a lease, and only once nothing can be charged to it any more: its gateway has counted, under a
 * lock that keeps further ones out, the receipts that name the lease, and that many have been charged. The order in which
 * count and receipts arrive does not matter.
 */
export class EndLease {
  constructor(private readonly store: SettlementStore) {}

  /**
   * Harmless for a lease that has ended; answers whether its rest is back. One that never was can no longer be granted: the
   * call for it may still be on its way, and nobody would give that back.
   */
  run(leaseId: string, receipts: number, now: Date): Promise<boolean> {
    return this.store.transaction(async (tx) => {
      const lease = (await tx.leases.lock(leaseId)) ?? (await neverGranted(tx, leaseId, now));
      if (lease?.state !== 'open') return true;
      await tx.leases.tell(leaseId, receipts);
      return settleLease(tx, leaseId);
    });
  }

  /** Gives up leases whose gateway never came back with its database; answers how many. */
  abandon(now: Date): Promise<number> {
    return this.store.transaction(async (tx) => {
      const leases = await tx.leases.abandoned(now, ABANDONED_BATCH_MAX);
      for (const lease of leases) await giveBack(tx, lease, 'abandoned');
      return leases.length;
    });
  }

  /** Deletes leases that ended long ago: a receipt that names one is charged to the balance, as after any end. */
  forget(now: Date): Promise<number> {
    const before = new Date(now.getTime() - ENDED_KEPT_MS);
    return this.store.transaction((tx) => tx.leases.forgetEnded(before, FORGOTTEN_BATCH_MAX));
  }
}

/** Gives the rest back when every receipt that was told has been charged. */
export async function settleLease(tx: SettlementTx, leaseId: string): Promise<boolean> {
  const lease = await tx.leases.lock(leaseId);
  if (lease?.receiptsTold === undefined || lease.receipts < lease.receiptsTold) return false;
  await giveBack(tx, lease, 'returned');
  return true;
}

async function giveBack(tx: SettlementTx, lease: Lease, state: 'returned' | 'abandoned'): Promise<void> {
  const amountWei = lease.grantedWei - lease.spentWei;
  if (amountWei > 0n) {
    await tx.ledger.post([
      single({
        debit: leased(lease.organisationId),
        credit: payer(lease.organisationId),
        amountWei,
        reason: 'lease-return',
        reference: lease.id,
      }),
    ]);
  }
  await tx.leases.end(lease.id, state);
}

/** Undefined, with the id taken; the lease, where it was granted meanwhile. */
async function neverGranted(tx: SettlementTx, id: string, now: Date): Promise<Lease | undefined> {
  const nothing = { wantedWei: 0n, minimumWei: 0n, grantedWei: 0n, spentWei: 0n, receipts: 0 };
  const taken = {
    id,
    organisationId: '',
    ...nothing,
    useUntil: now,
    abandonAt: now,
    state: 'returned' as const,
  };
  return (await tx.leases.insert(taken)) ? undefined : tx.leases.lock(id);
}
