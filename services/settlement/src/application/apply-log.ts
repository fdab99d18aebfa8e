import { encodeEvent, topics } from '@openledger/contracts';
import { derivedId } from '@openledger/kernel';
import { CHAIN_DISTRIBUTOR, CHAIN_VAULT, payer, reorgDebt, UNMATCHED, wallet } from '../domain/accounts.js';
import { availableOf, lesser } from '../domain/standing.js';
import { single } from '../domain/transfer.js';
import type { ChainEvent, SeenLog } from './chain-ports.js';
import type { SettlementTx } from './ports.js';

/** Identifies one application of one log: a block that comes back after a reorg is applied anew. */
const referenceOf = (log: SeenLog, application: number): string =>
  `${log.transactionHash}:${log.logIndex}:${log.blockHash}:${application}`;

/** Brings a log into the ledger, once. */
export async function applyLog(tx: SettlementTx, log: SeenLog, now: Date): Promise<void> {
  const application = await tx.chain.apply(log);
  if (application === undefined) return;
  const reference = referenceOf(log, application);
  if (log.event.kind === 'deposited') await creditDeposit(tx, log.event, reference);
  else await recordClaim(tx, { ...log, event: log.event }, reference, now);
}

/** Undoes a log whose block is no longer part of the chain, by transfers the other way. */
export async function reverseLog(tx: SettlementTx, log: SeenLog, application: number): Promise<void> {
  const reference = `undo:${referenceOf(log, application)}`;
  const { event } = log;
  if (event.kind === 'claimed') {
    await tx.ledger.post([
      single({
        debit: CHAIN_DISTRIBUTOR,
        credit: wallet(event.wallet),
        amountWei: event.amountWei,
        reason: 'reorg',
        reference,
      }),
    ]);
    return;
  }
  await reverseDeposit(tx, event, reference);
}

type Deposited = Extract<ChainEvent, { kind: 'deposited' }>;
type Claimed = Extract<ChainEvent, { kind: 'claimed' }>;

/** Covers first what the organisation owes from a deposit that a reorg took back. */
async function creditDeposit(tx: SettlementTx, event: Deposited, reference: string): Promise<void> {
  const { organisationId, amountWei } = event;
  const deposit = { debit: CHAIN_VAULT, reason: 'deposit', reference };
  if (organisationId === undefined) {
    await tx.ledger.post([single({ ...deposit, credit: UNMATCHED, amountWei })]);
    return;
  }
  const debt = reorgDebt(organisationId);
  const standing = await tx.ledger.lock(debt);
  const owedWei = standing.debitsPostedWei - standing.creditsPostedWei;
  const coveredWei = lesser(owedWei, amountWei);
  await tx.ledger.post(
    [
      single({ ...deposit, credit: debt, amountWei: coveredWei }),
      single({ ...deposit, credit: payer(organisationId), amountWei: amountWei - coveredWei }),
    ].filter((transfer) => transfer.amountWei > 0n),
  );
}

/** Takes back what is left; what was spent already becomes a debt of the organisation. */
async function reverseDeposit(tx: SettlementTx, event: Deposited, reference: string): Promise<void> {
  const { organisationId, amountWei } = event;
  const undo = { credit: CHAIN_VAULT, reason: 'reorg', reference };
  if (organisationId === undefined) {
    await tx.ledger.post([single({ ...undo, debit: UNMATCHED, amountWei })]);
    return;
  }
  const account = payer(organisationId);
  const takenWei = lesser(availableOf(await tx.ledger.lock(account)), amountWei);
  await tx.ledger.post(
    [
      single({ ...undo, debit: account, amountWei: takenWei }),
      single({ ...undo, debit: reorgDebt(organisationId), amountWei: amountWei - takenWei }),
    ].filter((transfer) => transfer.amountWei > 0n),
  );
}

async function recordClaim(
  tx: SettlementTx,
  log: SeenLog & { readonly event: Claimed },
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
