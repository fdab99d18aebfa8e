import { encodeEvent, topics } from '@openledger/contracts';
import { derivedId, invariant } from '@openledger/kernel';
import { kindOf, NO_EFFECT, STAKERS_PURPOSE } from '../../domain/chain/purpose.js';
import { CHAIN_DISTRIBUTOR, STAKERS_PROMISED } from '../../domain/ledger/accounts.js';
import { epochReference, rootPurpose } from '../epochs/close-epoch.js';
import type { SettlementTx } from '../ports.js';
import { move, outOfVault } from './vault-moves.js';

/** What a mined transaction of ours means for the books. */
export async function applyMined(tx: SettlementTx, purpose: string, transactionHash: string): Promise<void> {
  if (NO_EFFECT.has(kindOf(purpose))) return;
  const epochNumber = Number(purpose.split(':')[1]);
  const epoch = await tx.epochs.find(epochNumber);
  invariant(epoch, `transaction ${purpose} belongs to no epoch`);
  const fundedWei = await tx.epochs.fundingOf(purpose);
  if (fundedWei !== undefined) {
    // Deposits that it was paid from may lie in blocks that are not read yet, or that a reorg just took back.
    const account = kindOf(purpose) === STAKERS_PURPOSE ? STAKERS_PROMISED : CHAIN_DISTRIBUTOR;
    const given = [{ account, amountWei: fundedWei }];
    await move(tx, given, await outOfVault(tx, fundedWei), { reason: 'fund', reference: purpose });
    return;
  }
  // A root that was stopped while it was under way is no news: the distributor tells what holds.
  if (purpose !== rootPurpose(epoch) || epoch.state !== 'posting') return;
  await tx.epochs.activate(epochNumber, transactionHash);
  await tx.emit(
    encodeEvent(topics.epochClosed, derivedId(epochReference(epoch), topics.epochClosed.name), {
      epoch: epochNumber,
      root: epoch.root,
      totalWei: epoch.totalWei.toString(),
      leafCount: epoch.leafCount,
      transactionHash,
      closedAt: epoch.closedAt,
    }),
  );
}
