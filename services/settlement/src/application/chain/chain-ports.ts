import type { ChainEvent } from './chain-events.js';
import type { SeenBlock } from './seen-block.js';
import type { OutgoingLedger } from './sending-ports.js';

export type { SeenBlock } from './seen-block.js';

export interface SeenLog {
  readonly transactionHash: string;
  readonly logIndex: number;
  readonly blockNumber: number;
  readonly blockHash: string;
  readonly event: ChainEvent;
}

/** Names that nodes give to blocks that they believe will stay. */
export type FinalityTag = 'safe' | 'finalized';

/** Reads the chain. */
export abstract class ChainReader {
  abstract head(): Promise<number>;
  /** Undefined for a block that does not exist. */
  abstract blockHash(number: number): Promise<string | undefined>;
  /** Logs of our contracts in blocks `from` to `to`, both included, in order. */
  abstract logs(from: number, to: number): Promise<SeenLog[]>;
  /** The newest block of a name; undefined where the endpoint does not know the name. */
  abstract tagged(tag: FinalityTag): Promise<number | undefined>;
}

/** From when on a block is believed for ever: by the chain's own word where there is one, by depth otherwise. */
export interface Finality {
  readonly tag?: FinalityTag;
  /** Blocks on top. */
  readonly blocks: number;
}

/** The newest final block by `finality`; may be negative on a young chain. */
export async function finalBlock(chain: ChainReader, finality: Finality): Promise<number> {
  const head = await chain.head();
  const tagged = finality.tag && (await chain.tagged(finality.tag));
  return tagged === undefined ? head - finality.blocks : Math.min(tagged, head);
}

/** What is known of the chain, and what we sent there. */
export interface ChainLedger extends OutgoingLedger {
  /** Newest first. */
  blocks(limit: number): Promise<SeenBlock[]>;
  saveBlocks(blocks: readonly SeenBlock[]): Promise<void>;
  /** Forgets journal entries after `number`, and more than `keep` before it. */
  dropBlocksAfter(number: number): Promise<void>;
  pruneBlocks(keep: number): Promise<void>;
  /** Remembers a log; answers how often it has been applied, this time included, or undefined if it is applied now. */
  apply(log: SeenLog): Promise<number | undefined>;
  /** Marks logs of blocks after `number` as orphaned and returns them with their application count, newest first. */
  orphanAfter(number: number): Promise<{ log: SeenLog; application: number }[]>;
}
