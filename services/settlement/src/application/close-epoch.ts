import { DomainError } from '@openledger/kernel';
import { type Account, wallet } from '../domain/accounts.js';
import { manifestHash, nextLeaves } from '../domain/epoch.js';
import { single } from '../domain/transfer.js';
import type { Accrual, Epoch, PayoutContracts } from './epoch-ports.js';
import type { SettlementStore, SettlementTx } from './ports.js';

/** Payees that one epoch pays; whoever comes after waits for the next. */
const PAYEES_MAX = 100_000;
const NO_ROOT = `0x${'0'.repeat(64)}`;

export const fundPurpose = (epoch: number): string => `fund:${epoch}`;
export const rootPurpose = (epoch: number): string => `root:${epoch}`;

/**
 * Closes an epoch: what payees accrued becomes a promise to their wallets, and the cumulative root of all promises
 * is queued for the chain, behind the transfer that covers it.
 */
export class CloseEpoch {
  constructor(
    private readonly store: SettlementStore,
    private readonly contracts: PayoutContracts,
  ) {}

  /** @throws DomainError EPOCH_IN_PROGRESS, NOTHING_TO_SETTLE */
  run(now: Date): Promise<Epoch> {
    return this.store.transaction(async (tx) => {
      await tx.epochs.lock();
      const last = await tx.epochs.last();
      if (last?.state === 'posting') {
        throw new DomainError(
          'conflict',
          'EPOCH_IN_PROGRESS',
          `epoch ${last.epoch} is not on chain yet; try again`,
        );
      }
      const accruals = await tx.epochs.accruals(PAYEES_MAX);
      if (accruals.length === 0) {
        throw new DomainError(
          'precondition',
          'NOTHING_TO_SETTLE',
          'no payee with a known wallet has earned anything',
        );
      }
      return this.close(tx, last, accruals, now);
    });
  }

  /** True when `intervalMs` have passed since the last epoch, or since the first credit ever; restarts do not count. */
  due(now: Date, intervalMs: number): Promise<boolean> {
    return this.store.transaction(async (tx) => {
      const since = (await tx.epochs.last())?.closedAt ?? (await tx.epochs.firstCreditedAt());
      return since !== undefined && now.getTime() - since.getTime() >= intervalMs;
    });
  }

  private async close(
    tx: SettlementTx,
    last: Epoch | undefined,
    accruals: Accrual[],
    now: Date,
  ): Promise<Epoch> {
    const epoch = (last?.epoch ?? 0) + 1;
    const previous = last ? await tx.epochs.leaves(last.epoch) : [];
    const leaves = nextLeaves(
      previous,
      accruals.map((accrual) => ({ wallet: accrual.wallet, totalWei: accrual.amountWei })),
    );
    await tx.ledger.post(
      accruals.map((accrual) =>
        single({
          debit: accrualAccount(accrual),
          credit: wallet(accrual.wallet),
          amountWei: accrual.amountWei,
          reason: 'epoch',
          reference: `epoch:${epoch}`,
        }),
      ),
    );
    const totalWei = leaves.reduce((sum, leaf) => sum + leaf.totalWei, 0n);
    const facts = {
      epoch,
      previousRoot: last?.root ?? NO_ROOT,
      root: this.contracts.tree(leaves).root,
      totalWei,
      leaves,
    };
    const closed: Epoch = {
      epoch,
      previousRoot: facts.previousRoot,
      root: facts.root,
      manifest: manifestHash(facts),
      totalWei,
      fundedWei: accruals.reduce((sum, accrual) => sum + accrual.amountWei, 0n),
      leafCount: leaves.length,
      state: 'posting',
      closedAt: now,
    };
    await tx.epochs.insert(closed, leaves);
    await tx.chain.enqueue({ purpose: fundPurpose(epoch), call: this.contracts.fund(closed.fundedWei) });
    await tx.chain.enqueue({ purpose: rootPurpose(epoch), call: this.contracts.postRoot(closed) });
    return closed;
  }
}

const accrualAccount = (accrual: Accrual): Account => ({ id: accrual.accountId, kind: 'liability' });
