import { invariant } from '@openledger/kernel';
import { applyLog, reverseLog } from './apply-log.js';
import type { ChainReader, SeenBlock, SeenLog } from './chain-ports.js';
import type { SettlementStore } from './ports.js';

/** Blocks read at a time. */
const RANGE_MAX = 1_000;
const STEPS_MAX = 100;
/** Journal entries kept; a reorg deeper than the oldest of them needs an operator. */
const JOURNAL_MAX = 512;

export interface WatchOptions {
  /** The contracts were deployed here; nothing before it matters. */
  readonly startBlock: number;
  /** A block counts when it is this deep: 1 is the newest itself. */
  readonly confirmations: number;
}

/** Follows the chain block by block and keeps the ledger in step with it, forwards and through reorgs. */
export class WatchChain {
  constructor(
    private readonly store: SettlementStore,
    private readonly chain: ChainReader,
    private readonly options: WatchOptions,
  ) {}

  /** Reads what there is, up to a bound, so that a long catch-up leaves room to stop. */
  async catchUp(now: () => Date): Promise<void> {
    for (let steps = 0; steps < STEPS_MAX && (await this.step(now())); steps += 1);
  }

  /** Takes one step; false when there is nothing to do. */
  async step(now: Date): Promise<boolean> {
    const cursor = await this.cursor();
    if (cursor && (await this.chain.blockHash(cursor.number)) !== cursor.hash) {
      await this.rewind();
      return true;
    }
    const confirmed = (await this.chain.head()) - (this.options.confirmations - 1);
    const from = cursor ? cursor.number + 1 : this.options.startBlock;
    const to = Math.min(confirmed, from + RANGE_MAX - 1);
    if (to < from) return false;

    const hash = await this.chain.blockHash(to);
    const logs = await this.chain.logs(from, to);
    // The range may have been reorganised while it was read; the next step reads it again.
    if (hash === undefined || hash !== (await this.chain.blockHash(to))) return true;
    await this.store.transaction(async (tx) => {
      for (const log of logs) await applyLog(tx, log, now);
      await tx.chain.saveBlocks(journalOf(logs, { number: to, hash }));
      await tx.chain.pruneBlocks(JOURNAL_MAX);
    });
    return true;
  }

  private cursor(): Promise<SeenBlock | undefined> {
    return this.store.transaction(async (tx) => (await tx.chain.blocks(1))[0]);
  }

  /** Goes back to the newest journal entry that is still part of the chain and reverses what came after it. */
  private async rewind(): Promise<void> {
    const journal = await this.store.transaction((tx) => tx.chain.blocks(JOURNAL_MAX));
    let ancestor: SeenBlock | undefined;
    for (const block of journal) {
      if ((await this.chain.blockHash(block.number)) !== block.hash) continue;
      ancestor = block;
      break;
    }
    const reachesStart = journal.length < JOURNAL_MAX;
    invariant(
      ancestor || reachesStart,
      'the reorg is deeper than the journal: compare the RPC endpoint with another',
    );
    const keepUntil = ancestor?.number ?? this.options.startBlock - 1;
    await this.store.transaction(async (tx) => {
      const orphans = await tx.chain.orphanAfter(keepUntil);
      for (const { log, application } of orphans) await reverseLog(tx, log, application);
      await tx.chain.dropBlocksAfter(keepUntil);
    });
  }
}

/** The blocks with our logs in them, and the last one read. */
function journalOf(logs: readonly SeenLog[], last: SeenBlock): SeenBlock[] {
  const blocks = new Map(logs.map((log) => [log.blockNumber, log.blockHash]));
  blocks.set(last.number, last.hash);
  return [...blocks].map(([number, hash]) => ({ number, hash }));
}
