import { DomainError, invariant } from '@openledger/kernel';
import { NOTIFY_PURPOSE, STAKERS_PURPOSE } from '../../domain/chain/purpose.js';
import { type EpochLengths, later, lengthOver } from '../../domain/epochs/epoch-clock.js';
import { type Account, wallet } from '../../domain/ledger/accounts.js';
import { single } from '../../domain/ledger/transfer.js';
import type { SettlementStore, SettlementTx } from '../ports.js';
import type { Accrual, Epoch, EpochClock, EpochRevision, PayoutContracts } from './epoch-ports.js';
import type { EpochRecords } from './manifest-ports.js';
import { payStakers, type StakerPayout, type StakerPurposes } from './pay-stakers.js';
import type { WriteManifests } from './write-manifests.js';

/** Payees whose accounts are moved by one statement. */
const PAYEES_PAGE = 5_000;
const UNDER_WAY: ReadonlySet<Epoch['state']> = new Set(['closing', 'held', 'posting']);

const revised = (purpose: string, { epoch, revision }: EpochRevision): string =>
  revision === 1 ? `${purpose}:${epoch}` : `${purpose}:${epoch}:${revision}`;
export const fundPurpose = (epoch: EpochRevision): string => revised('fund', epoch);
const stakerPurposes = (epoch: EpochRevision): StakerPurposes => ({
  fund: revised(STAKERS_PURPOSE, epoch),
  notify: revised(NOTIFY_PURPOSE, epoch),
  reference: epochReference(epoch),
});
export const rootPurpose = (epoch: EpochRevision): string => revised('root', epoch);

interface Parts {
  readonly store: SettlementStore;
  readonly records: EpochRecords;
  readonly manifests: WriteManifests;
  readonly contracts: PayoutContracts;
  /** Without it their part keeps accruing. */
  readonly stakers?: StakerPayout;
}

/**
 * Closes epochs. A ledger epoch is a set of answers that is final; a chain epoch turns what payees accrued by the end of one
 * into promises to their wallets, and queues the cumulative root of all promises for the chain, behind the transfer that
 * covers it. The books are moved in one transaction; tree and manifests follow from them, and can be computed again.
 */
export class CloseEpoch {
  constructor(private readonly parts: Parts) {}

  /** @throws DomainError EPOCH_IN_PROGRESS, NOTHING_TO_SETTLE, PAYOUTS_FROZEN */
  async run(now: Date): Promise<Epoch> {
    const minimumWei = await this.parts.contracts.minPayoutWei();
    const epoch = await this.parts.store.transaction((tx) => this.begin(tx, now, minimumWei));
    return this.finish(epoch);
  }

  /** One look at the clock: closes what is over, and goes on with what a crash or missing funds interrupted. */
  async tick(now: Date, lengths: EpochLengths): Promise<void> {
    const last = await this.parts.store.transaction(async (tx) => {
      await tx.epochs.dropStale();
      return tx.epochs.last();
    });
    if (last?.state === 'closing' || last?.state === 'held') await this.finish(last);
    const over = await this.parts.store.transaction((tx) => this.advanceClock(tx, now, lengths));
    if (over) await this.run(now).catch((error: unknown) => this.closeLedgerAlone(error, now));
    await this.parts.manifests.ledger(Number.MAX_SAFE_INTEGER);
  }

  /** True when it is time for a chain epoch. */
  private async advanceClock(tx: SettlementTx, now: Date, lengths: EpochLengths): Promise<boolean> {
    const clock = await tx.epochs.lockClock();
    const { over, countedFrom } = lengthOver(clock.countedFrom, now, lengths.ledgerMs);
    if (!over) {
      if (countedFrom !== clock.countedFrom) {
        await tx.epochs.setClock({ ...clock, openedAt: clock.openedAt ?? now, countedFrom });
      }
      return false;
    }
    const intervals = clock.intervals + 1;
    if (intervals >= lengths.ledgersOfChain) return true;
    await closeLedger(tx, { ...clock, intervals }, now);
    return false;
  }

  /** A chain epoch that is still on its way is waited for, and one in which nobody earned is skipped. */
  private async closeLedgerAlone(error: unknown, now: Date): Promise<void> {
    if (!(error instanceof DomainError)) throw error;
    const waits = ['EPOCH_IN_PROGRESS', 'PAYOUTS_FROZEN'].includes(error.code);
    if (!waits && error.code !== 'NOTHING_TO_SETTLE') throw error;
    await this.parts.store.transaction(async (tx) => {
      const clock = await tx.epochs.lockClock();
      await closeLedger(tx, { ...clock, intervals: waits ? clock.intervals + 1 : 0 }, now);
    });
  }

  private async begin(tx: SettlementTx, now: Date, minimumWei: bigint): Promise<Epoch> {
    await tx.epochs.lock();
    if (await tx.cases.frozen('payouts')) {
      const message = 'a difference between chain and books is being looked into';
      throw new DomainError('unavailable', 'PAYOUTS_FROZEN', message);
    }
    const clock = await tx.epochs.lockClock();
    const last = await tx.epochs.last();
    if (last && UNDER_WAY.has(last.state)) {
      const message = `epoch ${last.epoch} is not on chain yet; try again`;
      throw new DomainError('conflict', 'EPOCH_IN_PROGRESS', message);
    }
    const number = (last?.epoch ?? 0) + 1;
    const disabled = await tx.epochs.find(number);
    const { ledgerEpoch } = clock;
    const epoch = {
      epoch: number,
      revision: (disabled?.revision ?? 0) + 1,
      previousRoot: last?.root ?? NO_ROOT,
      ledgerFrom: (last?.ledgerTo ?? 0) + 1,
      ledgerTo: ledgerEpoch,
      closedAt: now,
    };
    await tx.epochs.begin(epoch);
    await tx.epochs.savePayments(epoch, ledgerEpoch, minimumWei);
    if (!(await payAccruals(tx, epoch))) {
      const message = 'no payee with a known wallet has earned enough to be paid';
      throw new DomainError('precondition', 'NOTHING_TO_SETTLE', message);
    }
    await tx.epochs.saveLeaves(epoch, last?.epoch ?? 0);
    await closeLedger(tx, { ...clock, intervals: 0 }, now);
    const begun = await tx.epochs.find(number);
    invariant(begun, 'the epoch was begun');
    return begun;
  }

  /** Computes and queues the root of an epoch whose books are closed; the same again after a crash. */
  private async finish(epoch: Epoch): Promise<Epoch> {
    const { store, records, manifests, contracts } = this.parts;
    await manifests.ledger(epoch.ledgerTo ?? 0);
    const leaves = await records.leaves(epoch.epoch);
    const totalWei = leaves.reduce((sum, leaf) => sum + leaf.totalWei, 0n);
    const { root } = await contracts.tree(leaves);
    const previous = await store.transaction((tx) => tx.epochs.find(epoch.epoch - 1));
    const manifest = await manifests.chain(epoch, previous, { root, totalWei, leaves });
    const vaultWei = await contracts.vaultWei();
    const payout = (await this.parts.stakers?.ready()) ? this.parts.stakers : undefined;
    return store.transaction((tx) =>
      this.queue(tx, { ...epoch, root, manifest, totalWei }, { vaultWei, payout }),
    );
  }

  private async queue(
    tx: SettlementTx,
    computed: Epoch,
    { vaultWei, payout }: { readonly vaultWei: bigint; readonly payout: StakerPayout | undefined },
  ): Promise<Epoch> {
    await tx.epochs.lock();
    const current = await tx.epochs.find(computed.epoch);
    invariant(current, 'an epoch is never forgotten');
    const begun = current.state === 'closing' || current.state === 'held';
    if (current.revision !== computed.revision || !begun) return current;
    // Funds of a disabled epoch stayed with the distributor, and cover the next one.
    const missingWei = computed.totalWei - (await tx.epochs.fundedWei());
    if (missingWei > vaultWei) {
      await tx.epochs.hold(computed, 'FUNDS_SHORT');
      return { ...current, state: 'held', heldCode: 'FUNDS_SHORT' };
    }
    await tx.epochs.post(computed);
    if (missingWei > 0n) {
      const purpose = fundPurpose(computed);
      await tx.epochs.saveFunding(purpose, computed.epoch, missingWei);
      await tx.chain.enqueue({ purpose, call: this.parts.contracts.fund(missingWei) });
    }
    await tx.chain.enqueue({ purpose: rootPurpose(computed), call: this.parts.contracts.postRoot(computed) });
    if (payout) {
      const roomWei = missingWei > 0n ? vaultWei - missingWei : vaultWei;
      await payStakers(tx, computed, stakerPurposes(computed), { payout, roomWei });
    }
    const posted = await tx.epochs.find(computed.epoch);
    invariant(posted, 'an epoch is never forgotten');
    return posted;
  }
}

const NO_ROOT = `0x${'0'.repeat(64)}`;

/** All payees; false when there are none. */
async function payAccruals(tx: SettlementTx, epoch: EpochRevision): Promise<boolean> {
  let any = false;
  for await (const page of paymentPages(tx, epoch)) {
    any = true;
    await tx.ledger.post(page.map((accrual) => single(payment(epoch, accrual))));
  }
  return any;
}

/** All payments of an epoch, page by page. */
export async function* paymentPages(tx: SettlementTx, epoch: EpochRevision): AsyncGenerator<Accrual[]> {
  let page = await tx.epochs.payments(epoch, '', PAYEES_PAGE);
  while (page.length > 0) {
    yield page;
    page = await tx.epochs.payments(epoch, page.at(-1)?.accountId ?? '', PAYEES_PAGE);
  }
}

const payment = (epoch: EpochRevision, accrual: Accrual) => ({
  debit: accrualAccount(accrual),
  credit: wallet(accrual.wallet),
  amountWei: accrual.amountWei,
  reason: 'epoch',
  reference: epochReference(epoch),
});

export const accrualAccount = (accrual: Accrual): Account => ({ id: accrual.accountId, kind: 'liability' });

export const epochReference = (epoch: EpochRevision): string => revised('epoch', epoch);

/** An epoch in which no account moved goes on as if it began now: it would be an empty manifest. */
async function closeLedger(tx: SettlementTx, clock: EpochClock, now: Date): Promise<void> {
  const openedAt = clock.openedAt ?? now;
  const closedAt = later(openedAt, now);
  const closed = await tx.epochs.closeLedger(clock.ledgerEpoch, openedAt, closedAt);
  await tx.epochs.setClock({
    ledgerEpoch: clock.ledgerEpoch + (closed ? 1 : 0),
    openedAt: closedAt,
    countedFrom: now,
    intervals: clock.intervals,
  });
}
