import { encodeEvent, topics } from '@openledger/contracts';
import { derivedId, invariant } from '@openledger/kernel';
import { CHAIN_DISTRIBUTOR, CHAIN_VAULT } from '../domain/accounts.js';
import { single } from '../domain/transfer.js';
import { fundPurpose, rootPurpose } from './close-epoch.js';
import type { SettlementTx } from './ports.js';

/** What a mined transaction of ours means for the books. */
export async function applyMined(tx: SettlementTx, purpose: string, transactionHash: string): Promise<void> {
  const epochNumber = Number(purpose.split(':')[1]);
  const epoch = await tx.epochs.find(epochNumber);
  invariant(epoch, `transaction ${purpose} belongs to no epoch`);
  if (purpose === fundPurpose(epochNumber)) {
    await tx.ledger.post([
      single({
        debit: CHAIN_DISTRIBUTOR,
        credit: CHAIN_VAULT,
        amountWei: epoch.fundedWei,
        reason: 'fund',
        reference: `epoch:${epochNumber}`,
      }),
    ]);
    return;
  }
  invariant(purpose === rootPurpose(epochNumber), `nobody knows what ${purpose} is for`);
  await tx.epochs.activate(epochNumber, transactionHash);
  await tx.emit(
    encodeEvent(topics.epochClosed, derivedId(`epoch:${epochNumber}`, topics.epochClosed.name), {
      epoch: epochNumber,
      root: epoch.root,
      totalWei: epoch.totalWei.toString(),
      leafCount: epoch.leafCount,
      transactionHash,
      closedAt: epoch.closedAt,
    }),
  );
}
