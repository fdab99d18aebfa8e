import { encodeEvent, topics } from '@openledger/contracts';
import { derivedId } from '@openledger/kernel';
import { CHAIN_DISTRIBUTOR, CHAIN_ESCROW, UNMATCHED, wallet } from '../../domain/ledger/accounts.js';
import type { Side } from '../../domain/ledger/pairing.js';
import { single } from '../../domain/ledger/transfer.js';
import { applyChannelEvent, isChannelEvent, reverseChannelEvent } from '../channels/apply-channel.js';
import type { SettlementTx } from '../ports.js';
import { applyGovernance, isGovernance, reverseGovernance } from './apply-governance.js';
import type { ClaimedEvent, DepositedEvent } from './chain-events.js';
import type { SeenLog } from './chain-ports.js';
import { fromPayer, intoVault, move, outOfVault, toPayer } from './vault-moves.js';

/** Identifies one application of one log: a block that comes back after a reorg is applied anew. */
const referenceOf = (log: SeenLog, application: number): string =>
  `${log.transactionHash}:${log.logIndex}:${log.blockHash}:${application}`;

/** Brings a log into the ledger, once. Kinds without money in our books are kept with their block and shown. */
export async function applyLog(tx: SettlementTx, log: SeenLog, now: Date): Promise<void> {
  const application = await tx.chain.apply(log);
  if (application === undefined) return;
  const { event } = log;
  const reference = referenceOf(log, application);
  if (event.kind === 'deposited') {
    const payers = await payersOf(tx, event, 'in');
    await move(tx, await intoVault(tx, event.amountWei), payers, { reason: 'deposit', reference });
  } else if (event.kind === 'claimed') await recordClaim(tx, { ...log, event }, reference, now);
  else if (event.kind === 'escrow-settled') {
    const escrow = [{ account: CHAIN_ESCROW, amountWei: event.amountWei }];
    await move(tx, await intoVault(tx, event.amountWei), escrow, { reason: 'settle', reference });
  } else if (isChannelEvent(event)) await applyChannelEvent(tx, event, reference, now);
  else if (isGovernance(event)) await applyGovernance(tx, event, log, now);
}

/** Undoes a log whose block is no longer part of the chain, by transfers the other way. */
export async function reverseLog(
  tx: SettlementTx,
  log: SeenLog,
  application: number,
  now: Date,
): Promise<void> {
  const reference = `undo:${referenceOf(log, application)}`;
  const { event } = log;
  const cause = { reason: 'reorg', reference };
  if (event.kind === 'deposited') {
    await move(tx, await payersOf(tx, event, 'out'), await outOfVault(tx, event.amountWei), cause);
  } else if (event.kind === 'claimed') {
    const { amountWei } = event;
    const paid = [{ account: wallet(event.wallet), amountWei }];
    await move(tx, [{ account: CHAIN_DISTRIBUTOR, amountWei }], paid, cause);
  } else if (event.kind === 'escrow-settled') {
    const escrow = [{ account: CHAIN_ESCROW, amountWei: event.amountWei }];
    await move(tx, escrow, await outOfVault(tx, event.amountWei), cause);
  } else if (isChannelEvent(event)) await reverseChannelEvent(tx, event, reference);
  else if (isGovernance(event)) await reverseGovernance(tx, event, log, now);
}

async function payersOf(
  tx: SettlementTx,
  { organisationId, amountWei }: DepositedEvent,
  direction: 'in' | 'out',
): Promise<Side[]> {
  if (organisationId === undefined) return [{ account: UNMATCHED, amountWei }];
  return direction === 'in'
    ? toPayer(tx, organisationId, amountWei)
    : fromPayer(tx, organisationId, amountWei);
}

async function recordClaim(
  tx: SettlementTx,
  log: SeenLog & { readonly event: ClaimedEvent },
  reference: string,
  now: Date,
): Promise<void> {
  const { event } = log;
  await tx.ledger.post([
    single({
      debit: wallet(event.wallet),
      credit: CHAIN_DISTRIBUTOR,
      amountWei: event.amountWei,
      reason: 'claim',
      reference,
    }),
  ]);
  // The id leaves the block out: a claim that a reorg moves to another block is still one payment.
  const id = derivedId(`${log.transactionHash}:${log.logIndex}`, topics.settlementPaid.name);
  await tx.emit(
    encodeEvent(topics.settlementPaid, id, {
      walletAddress: event.wallet,
      amountWei: event.amountWei.toString(),
      epoch: event.epoch,
      transactionHash: log.transactionHash,
      paidAt: now,
    }),
  );
}
