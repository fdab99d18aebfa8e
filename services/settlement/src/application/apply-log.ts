import { encodeEvent, topics } from '@openledger/contracts';
import { derivedId } from '@openledger/kernel';
import { CHAIN_DISTRIBUTOR, CHAIN_ESCROW, CHAIN_VAULT, UNMATCHED, wallet } from '../domain/accounts.js';
import { single } from '../domain/transfer.js';
import { applyChannelEvent, isChannelEvent, reverseChannelEvent } from './apply-channel.js';
import { applyGovernance, isGovernance, reverseGovernance } from './apply-governance.js';
import type { ClaimedEvent, DepositedEvent } from './chain-events.js';
import type { SeenLog } from './chain-ports.js';
import { creditPayer, debitPayer } from './payer-credit.js';
import type { SettlementTx } from './ports.js';

/** Identifies one application of one log: a block that comes back after a reorg is applied anew. */
const referenceOf = (log: SeenLog, application: number): string =>
  `${log.transactionHash}:${log.logIndex}:${log.blockHash}:${application}`;

/** Brings a log into the ledger, once. Kinds without money in our books are kept with their block and shown. */
export async function applyLog(tx: SettlementTx, log: SeenLog, now: Date): Promise<void> {
  const application = await tx.chain.apply(log);
  if (application === undefined) return;
  const { event } = log;
  const reference = referenceOf(log, application);
  if (event.kind === 'deposited') await creditDeposit(tx, event, reference);
  else if (event.kind === 'claimed') await recordClaim(tx, { ...log, event }, reference, now);
  else if (event.kind === 'escrow-settled') {
    await tx.ledger.post([
      single({
        debit: CHAIN_VAULT,
        credit: CHAIN_ESCROW,
        amountWei: event.amountWei,
        reason: 'settle',
        reference,
      }),
    ]);
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
  if (event.kind === 'deposited') await reverseDeposit(tx, event, reference);
  else if (event.kind === 'claimed') {
    await tx.ledger.post([
      single({
        debit: CHAIN_DISTRIBUTOR,
        credit: wallet(event.wallet),
        amountWei: event.amountWei,
        reason: 'reorg',
        reference,
      }),
    ]);
  } else if (event.kind === 'escrow-settled') {
    await tx.ledger.post([
      single({
        debit: CHAIN_ESCROW,
        credit: CHAIN_VAULT,
        amountWei: event.amountWei,
        reason: 'reorg',
        reference,
      }),
    ]);
  } else if (isChannelEvent(event)) await reverseChannelEvent(tx, event, reference);
  else if (isGovernance(event)) await reverseGovernance(tx, event, log, now);
}

async function creditDeposit(tx: SettlementTx, event: DepositedEvent, reference: string): Promise<void> {
  const { organisationId, amountWei } = event;
  const deposit = { debit: CHAIN_VAULT, amountWei, reason: 'deposit', reference };
  if (organisationId === undefined) await tx.ledger.post([single({ ...deposit, credit: UNMATCHED })]);
  else await creditPayer(tx, organisationId, deposit);
}

async function reverseDeposit(tx: SettlementTx, event: DepositedEvent, reference: string): Promise<void> {
  const { organisationId, amountWei } = event;
  const undo = { credit: CHAIN_VAULT, amountWei, reason: 'reorg', reference };
  if (organisationId === undefined) await tx.ledger.post([single({ ...undo, debit: UNMATCHED })]);
  else await debitPayer(tx, organisationId, undo);
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
