import { type Breach, breachOf, NO_BLOCK, type SealedBlock } from '../../domain/ledger/seal.js';
import type { SettlementStore, SettlementTx } from '../ports.js';

const BLOCKS_PAGE = 1_000;
const DRIFTED_MAX = 100;

export interface ChainVerification {
  readonly from: number;
  /** The last block that was looked at. */
  readonly to: number;
  /** The first that is not what was sealed. */
  readonly broken?: { readonly number: number; readonly breach: Breach };
  /** Accounts whose balances are not the sum of their transfers. */
  readonly driftedAccounts: readonly string[];
}

/** Recomputes sealed blocks from the books as they are now. */
export class VerifyChain {
  constructor(private readonly store: SettlementStore) {}

  /** At most 1,000 blocks at a time. */
  run(from: number, limit: number): Promise<ChainVerification> {
    return this.store.transaction(async (tx) => {
      const first = Math.max(from, 1);
      const blocks = await tx.seals.blocks(first - 1, Math.min(limit, BLOCKS_PAGE) + 1);
      const before = first === 1 ? NO_BLOCK : blocks[0];
      const sealed = blocks.filter(({ number }) => number >= first);
      const broken = before && (await firstBroken(tx, before, sealed));
      return {
        from: first,
        to: broken?.number ?? sealed.at(-1)?.number ?? first - 1,
        ...(broken ? { broken } : {}),
        driftedAccounts: await tx.seals.drifted(DRIFTED_MAX),
      };
    });
  }
}

async function firstBroken(
  tx: SettlementTx,
  before: Pick<SealedBlock, 'number' | 'lastPosition' | 'hash'>,
  blocks: readonly SealedBlock[],
): Promise<ChainVerification['broken']> {
  let previous = before;
  for (const block of blocks) {
    const breach = await breachIn(tx, previous, block);
    if (breach) return { number: block.number, breach };
    previous = block;
  }
  return undefined;
}

async function breachIn(
  tx: SettlementTx,
  previous: Pick<SealedBlock, 'number' | 'lastPosition' | 'hash'>,
  block: SealedBlock,
): Promise<Breach | undefined> {
  // One more than there should be, so that a transfer that was slipped in shows.
  const found = await tx.seals.content(previous.lastPosition, block.lastPosition, block.transfers + 1);
  const breach = breachOf(previous, block, found ?? { transfers: 0, rowsHash: '' });
  if (breach) return breach;
  return (await tx.seals.historyDiffers(block, previous.lastPosition)) ? 'history_changed' : undefined;
}
