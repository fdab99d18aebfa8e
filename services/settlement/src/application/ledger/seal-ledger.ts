import { blockHash, NO_BLOCK } from '../../domain/ledger/seal.js';
import type { SettlementStore, SettlementTx } from '../ports.js';
import type { SealMark } from './seal-ports.js';

const BLOCK_TRANSFERS_MAX = 10_000;
/** At full speed a pass finds twenty blocks; what is left over waits for the next. */
const PASS_BLOCKS_MAX = 100;

/**
 * Seals transfers into a hash chain, off the way of those who post them. Positions are handed out before commits and
 * commits come in any order, so a range is sealed only once every transaction that could own a position in it has ended.
 */
export class SealLedger {
  private mark: SealMark | undefined;

  constructor(private readonly store: SettlementStore) {}

  /** Answers how many blocks were sealed; 0 also while somebody's transaction is waited for. */
  async run(now: Date): Promise<number> {
    const mark = await this.settledMark();
    if (!mark) return 0;
    for (let sealed = 0; sealed < PASS_BLOCKS_MAX; sealed += 1) {
      if (await this.store.transaction((tx) => sealNext(tx, mark, now))) continue;
      this.mark = undefined;
      return sealed;
    }
    return PASS_BLOCKS_MAX;
  }

  /** The mark of an earlier pass while it is open, so that a busy ledger does not move it on for ever. */
  private settledMark(): Promise<SealMark | undefined> {
    return this.store.transaction(async (tx) => {
      this.mark ??= await tx.seals.mark();
      return (await tx.seals.isSettled(this.mark)) ? this.mark : undefined;
    });
  }
}

async function sealNext(tx: SettlementTx, mark: SealMark, now: Date): Promise<boolean> {
  if (!(await tx.seals.lock())) return false;
  const previous = (await tx.seals.last()) ?? NO_BLOCK;
  const content = await tx.seals.content(previous.lastPosition, mark.position, BLOCK_TRANSFERS_MAX);
  if (!content) return false;
  const block = { ...content, number: previous.number + 1 };
  const sealed = {
    ...block,
    previousHash: previous.hash,
    hash: blockHash(previous.hash, block),
    sealedAt: now,
  };
  await tx.seals.insert(sealed, previous.lastPosition);
  return true;
}
