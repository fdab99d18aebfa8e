import { DomainError } from '@openledger/kernel';
import type { SettlementStore } from '../ports.js';
import { applyLog, reverseLog } from './apply-log.js';
import type { ChainReader, FinalityTag, SeenBlock, SeenLog } from './chain-ports.js';

/** Blocks read at a time. */
const RANGE_MAX = 1_000;
const STEPS_MAX = 100;
/** Journal entries kept; a reorg deeper than the oldest of them needs an operator. */
const JOURNAL_MAX = 512;
/** Blocks of logs that are checked at the same time. */
const CHECKS_AT_ONCE = 16;

export interface WatchOptions {
  /** The contracts were deployed here; nothing before it matters. */
  readonly startBlock: number;
  /** A block counts when it is this deep: 1 is the newest itself. */
  readonly confirmations: number;
  /** A block counts when the chain itself calls it so as well, where the endpoint knows the name. */
  readonly tag?: FinalityTag;
}

/**
 * Follows the chain block by block and keeps the ledger in step with it, forwards and through reorgs. Only another
 * block at a height that is known counts as a reorg: an endpoint that lags, forgets or contradicts itself changes
 * nothing.
 */
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

  /**
   * Takes one step; false when there is nothing to do.
   * @throws DomainError RPC_HEAD_BACKWARDS, RPC_FORGOT_BLOCK, RPC_LOGS_FOREIGN, REORG_TOO_DEEP
   */
  async step(now: Date): Promise<boolean> {
    const head = await this.chain.head();
    const [cursor] = await this.journal(1);
    if (cursor && (await this.isReorganised(cursor, head))) {
      await this.rewind(head, now);
      return true;
    }
    const from = cursor ? cursor.number + 1 : this.options.startBlock;
    const to = Math.min(await this.counting(head), from + RANGE_MAX - 1);
    if (to < from) return false;

    const hash = await this.chain.blockHash(to);
    const logs = await this.chain.logs(from, to);
    await this.checkBlocks(logs);
    // The range may have been reorganised while it was read; the next step reads it again.
    if (hash === undefined || hash !== (await this.chain.blockHash(to))) return true;
    await this.store.transaction(async (tx) => {
      for (const log of logs) await applyLog(tx, log, now);
      await tx.chain.saveBlocks(journalOf(logs, { number: to, hash }));
      await tx.chain.pruneBlocks(JOURNAL_MAX);
    });
    return true;
  }

  /** The newest block that counts. */
  private async counting(head: number): Promise<number> {
    const deep = head - (this.options.confirmations - 1);
    const tagged = this.options.tag && (await this.chain.tagged(this.options.tag));
    return tagged === undefined ? deep : Math.min(tagged, deep);
  }

  private journal(limit: number): Promise<SeenBlock[]> {
    return this.store.transaction((tx) => tx.chain.blocks(limit));
  }

  /** A chain that got shorter is believed only where it contradicts a block that it still has. */
  private async isReorganised(cursor: SeenBlock, head: number): Promise<boolean> {
    if (head >= cursor.number) return (await this.knownHash(cursor.number)) !== cursor.hash;
    const below = (await this.journal(JOURNAL_MAX)).find((block) => block.number <= head);
    if (below && (await this.knownHash(below.number)) !== below.hash) return true;
    throw unbelieved('RPC_HEAD_BACKWARDS', 'the newest block lies before one that was seen', {
      head,
      seen: cursor.number,
    });
  }

  private async knownHash(number: number): Promise<string> {
    const hash = await this.chain.blockHash(number);
    if (hash !== undefined) return hash;
    throw unbelieved('RPC_FORGOT_BLOCK', 'the endpoint has no block at a height below its newest', {
      number,
    });
  }

  /** Goes back to the newest journal entry that is still part of the chain and reverses what came after it. */
  private async rewind(head: number, now: Date): Promise<void> {
    const journal = await this.journal(JOURNAL_MAX);
    let ancestor: SeenBlock | undefined;
    for (const block of journal) {
      if (block.number > head || (await this.knownHash(block.number)) !== block.hash) continue;
      ancestor = block;
      break;
    }
    if (!ancestor && journal.length >= JOURNAL_MAX) return this.refuseDeepReorg(journal.at(-1), now);
    const keepUntil = ancestor?.number ?? this.options.startBlock - 1;
    await this.store.transaction(async (tx) => {
      const orphans = await tx.chain.orphanAfter(keepUntil);
      for (const { log, application } of orphans) await reverseLog(tx, log, application, now);
      await tx.chain.dropBlocksAfter(keepUntil);
    });
  }

  /** Either the endpoint follows another chain, or the past was rewritten: both are for people. */
  private async refuseDeepReorg(oldest: SeenBlock | undefined, now: Date): Promise<never> {
    const expected = `${oldest?.number} ${oldest?.hash}`;
    const actual = (await this.chain.blockHash(oldest?.number ?? 0)) ?? 'no block';
    await this.store.transaction((tx) =>
      tx.cases.open({ freezes: 'payouts', code: 'REORG_TOO_DEEP', subject: 'chain', expected, actual }, now),
    );
    throw unbelieved('REORG_TOO_DEEP', 'the reorg is deeper than the journal: compare endpoints', {
      oldest: oldest?.number ?? 0,
    });
  }

  /** Logs of a block that is not, or no longer, part of the chain must not count. */
  private async checkBlocks(logs: readonly SeenLog[]): Promise<void> {
    const blocks = new Map(logs.map((log) => [`${log.blockNumber} ${log.blockHash}`, log]));
    const pending = [...blocks.values()];
    while (pending.length > 0) {
      await Promise.all(pending.splice(0, CHECKS_AT_ONCE).map((log) => this.checkBlock(log)));
    }
  }

  private async checkBlock({ blockNumber, blockHash }: SeenLog): Promise<void> {
    if ((await this.chain.blockHash(blockNumber)) === blockHash) return;
    throw unbelieved('RPC_LOGS_FOREIGN', 'the endpoint told logs of a block that is not at its height', {
      blockNumber,
    });
  }
}

const unbelieved = (code: string, message: string, details: Record<string, number>): DomainError =>
  new DomainError('unavailable', code, message, { details });

/** The blocks with our logs in them, and the last one read. */
function journalOf(logs: readonly SeenLog[], last: SeenBlock): SeenBlock[] {
  const blocks = new Map(logs.map((log) => [log.blockNumber, log.blockHash]));
  blocks.set(last.number, last.hash);
  return [...blocks].map(([number, hash]) => ({ number, hash }));
}
