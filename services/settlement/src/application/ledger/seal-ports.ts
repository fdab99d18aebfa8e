import type { BlockContent, SealedBlock } from '../../domain/ledger/seal.js';

/** Up to where positions were handed out, and the transactions that may not have committed theirs yet. */
export interface SealMark {
  readonly position: number;
  /** The first transaction number that had not been given out. */
  readonly beforeTransaction: string;
}

/** The chain of sealed blocks, and where each account stood at their ends. */
export interface Seals {
  /** False where another replica seals. Until commit. */
  lock(): Promise<boolean>;
  last(): Promise<SealedBlock | undefined>;
  mark(): Promise<SealMark>;
  /** True when every transaction that was given a position up to the mark has ended: none can appear there any more. */
  isSettled(mark: SealMark): Promise<boolean>;
  /** What a block of at most `limit` transfers in that range is made of; undefined where there are none. */
  content(after: number, upTo: number, limit: number): Promise<Omit<BlockContent, 'number'> | undefined>;
  /** With where the accounts of its transfers stand after it. */
  insert(block: SealedBlock, after: number): Promise<void>;
  /** In order. */
  blocks(from: number, limit: number): Promise<SealedBlock[]>;
  /** True where the balances kept for the block are not what its transfers make of the ones before. */
  historyDiffers(block: SealedBlock, after: number): Promise<boolean>;
  /** Accounts whose balances are not the sum of all their transfers (I8). */
  drifted(limit: number): Promise<string[]>;
}
