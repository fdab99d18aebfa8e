import { differencesOf } from '../../domain/reconciliation/differences.js';
import type { ChainReader, SeenBlock } from '../chain/chain-ports.js';
import type { SettlementStore } from '../ports.js';
import type { Difference } from './case-ports.js';
import type { BookSums, ChainBooks, ChainSums, PaidWallet, Reconciliation } from './reconcile-ports.js';

/** Wallets that one comparison looks at. */
const WALLETS_MAX = 500;

export interface ReconcileOptions {
  readonly everyBlocks: number;
  readonly everyMs: number;
  /** Told of every case that is opened. */
  readonly onCase?: (difference: Difference) => void;
}

/**
 * Compares the books with the contracts as of the block that the books follow. A difference becomes a case that
 * freezes what it concerns until a person explains it; nothing is corrected by itself.
 */
export class Reconcile {
  constructor(
    private readonly store: SettlementStore,
    private readonly books: ChainBooks,
    private readonly chain: ChainReader,
    private readonly options: ReconcileOptions,
  ) {}

  /** Compares where enough blocks or time have passed. */
  async runIfDue(now: Date): Promise<void> {
    const { last, block } = await this.store.transaction(async (tx) => ({
      last: await tx.reconciliations.last(),
      block: (await tx.chain.blocks(1))[0],
    }));
    if (!block) return;
    // A clock that was set back must not put the comparison off.
    const sinceMs = last === undefined ? this.options.everyMs : Math.abs(+now - +last.at);
    const blocks = last === undefined ? this.options.everyBlocks : block.number - last.block;
    if (blocks >= this.options.everyBlocks || sinceMs >= this.options.everyMs) await this.run(now);
  }

  /** Undefined where the chain moved meanwhile, or a payout is on its way: the next run will do. */
  async run(now: Date): Promise<Reconciliation | undefined> {
    const { sums, last, paid } = await this.store.transaction(async (tx) => {
      const before = await tx.reconciliations.last();
      return {
        sums: await tx.reconciliations.sums(),
        last: before,
        paid: await tx.reconciliations.paidAfter(before?.block ?? -1, WALLETS_MAX),
      };
    });
    const { block } = sums;
    if (!block || sums.inFlight > 0) return undefined;
    const chain = await this.books.sums(block.number);
    const claimed = await this.books.claimedBy(
      paid.map(({ wallet }) => wallet),
      block.number,
    );
    if ((await this.chain.blockHash(block.number)) !== block.hash) return undefined;
    const found = [
      ...differencesOf(chain, sums, last?.supplyWei),
      ...paid.flatMap((one, index) => walletDifference(one, claimed[index] ?? 0n)),
    ];
    return this.record(found, block, { chain, sums }, now);
  }

  private async record(
    found: readonly Difference[],
    block: SeenBlock,
    compared: { readonly chain: ChainSums; readonly sums: BookSums },
    now: Date,
  ): Promise<Reconciliation> {
    const reconciliation = {
      block: block.number,
      at: now,
      supplyWei: compared.chain.supplyWei,
      unsweptWei: compared.chain.vaultHeldWei - compared.sums.vaultWei,
      differences: found.length,
    };
    const opened: Difference[] = [];
    await this.store.transaction(async (tx) => {
      opened.length = 0;
      for (const difference of found) {
        const isNew = await tx.cases.open({ ...difference, blockNumber: block.number }, now);
        if (isNew) opened.push(difference);
      }
      await tx.reconciliations.save(reconciliation);
    });
    for (const difference of opened) this.options.onCase?.(difference);
    return reconciliation;
  }
}

function walletDifference({ wallet, paidWei }: PaidWallet, claimedWei: bigint): Difference[] {
  if (paidWei === claimedWei) return [];
  return [
    {
      freezes: 'payouts',
      code: 'CLAIMED_DIFFERS',
      subject: `wallet:${wallet}`,
      expected: paidWei.toString(),
      actual: claimedWei.toString(),
    },
  ];
}
