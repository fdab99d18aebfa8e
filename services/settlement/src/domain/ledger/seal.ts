import { canonicalJson, sha256 } from '@openledger/kernel';

/** What a block says of its transfers: those after the block before it and up to `lastPosition`. */
export interface BlockContent {
  readonly number: number;
  readonly lastPosition: number;
  readonly transfers: number;
  /** SHA-256 of their lines, in order of position and ended by line feeds. */
  readonly rowsHash: string;
}

export interface SealedBlock extends BlockContent {
  readonly previousHash: string;
  readonly hash: string;
  readonly sealedAt: Date;
}

/** What the first block follows. */
export const NO_BLOCK: Pick<SealedBlock, 'number' | 'lastPosition' | 'hash'> = {
  number: 0,
  lastPosition: 0,
  hash: '0'.repeat(64),
};

/** Commits to the block's transfers and, over the hash before it, to all that came earlier. */
export const blockHash = (
  previousHash: string,
  { number, lastPosition, transfers, rowsHash }: BlockContent,
) => sha256(canonicalJson({ lastPosition, number, previousHash, rowsHash, transfers }));

/** Why a block is not what was sealed. */
export type Breach = 'transfers_changed' | 'chain_broken' | 'history_changed';

/** @param found what the books hold of the block now */
export function breachOf(
  previous: Pick<SealedBlock, 'number' | 'hash'>,
  block: SealedBlock,
  found: Pick<BlockContent, 'transfers' | 'rowsHash'>,
): Breach | undefined {
  if (block.number !== previous.number + 1 || block.previousHash !== previous.hash) return 'chain_broken';
  if (block.hash !== blockHash(block.previousHash, block)) return 'chain_broken';
  if (block.transfers !== found.transfers || block.rowsHash !== found.rowsHash) return 'transfers_changed';
  return undefined;
}
