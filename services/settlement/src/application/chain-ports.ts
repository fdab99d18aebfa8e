import type { ContractCall } from './epoch-ports.js';

/** What the contracts told. */
export type ChainEvent =
  | {
      readonly kind: 'deposited';
      readonly organisationId?: string;
      readonly from: string;
      readonly amountWei: bigint;
    }
  | { readonly kind: 'claimed'; readonly epoch: number; readonly wallet: string; readonly amountWei: bigint };

export interface SeenLog {
  readonly transactionHash: string;
  readonly logIndex: number;
  readonly blockNumber: number;
  readonly blockHash: string;
  readonly event: ChainEvent;
}

export interface SeenBlock {
  readonly number: number;
  readonly hash: string;
}

/** Reads the chain. */
export abstract class ChainReader {
  abstract head(): Promise<number>;
  /** Undefined for a block that does not exist. */
  abstract blockHash(number: number): Promise<string | undefined>;
  /** Logs of our contracts in blocks `from` to `to`, both included, in order. */
  abstract logs(from: number, to: number): Promise<SeenLog[]>;
}

export interface SignedAttempt {
  readonly hash: string;
  readonly raw: string;
  readonly maxFeeWei: bigint;
  readonly tipWei: bigint;
  readonly createdAt: Date;
}

export interface MinedTransaction extends SeenBlock {
  readonly succeeded: boolean;
}

/** Signs and sends for one key. */
export abstract class TransactionSender {
  abstract readonly address: string;
  /** The next nonce according to the latest block. */
  abstract minedNonce(): Promise<number>;
  /** Simulates, prices and signs. `replaced` is the attempt to outbid. @throws DomainError when it would revert */
  abstract sign(
    call: ContractCall,
    nonce: number,
    replaced?: SignedAttempt,
  ): Promise<Omit<SignedAttempt, 'createdAt'>>;
  /** Resolves when the node has it, also when it had it before. */
  abstract broadcast(raw: string): Promise<void>;
  abstract receipt(hash: string): Promise<MinedTransaction | undefined>;
}

/** A transaction that must happen exactly once; `purpose` says what for and is unique: `root:42`. */
export interface QueuedTransaction {
  readonly purpose: string;
  readonly call: ContractCall;
}

export interface OutgoingTransaction extends QueuedTransaction {
  readonly state: 'queued' | 'signed' | 'mined' | 'final' | 'failed';
  readonly nonce?: number;
  readonly mined?: SeenBlock;
  /** Its effects are in the ledger. */
  readonly applied: boolean;
  /** Oldest first; without those that were given up. */
  readonly attempts: readonly SignedAttempt[];
}

/** What is known of the chain, and what we sent there. */
export interface ChainLedger {
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

  /** Does nothing for a purpose that is known. */
  enqueue(transaction: QueuedTransaction): Promise<void>;
  /** At most `limit` that are not final, oldest first; locked until commit. */
  openTransactions(limit: number): Promise<OutgoingTransaction[]>;
  transaction(purpose: string): Promise<OutgoingTransaction | undefined>;
  /** Hands out the next nonce of the key; `first` where it was never used by us. */
  takeNonce(address: string, first: number): Promise<number>;
  saveAttempt(purpose: string, nonce: number, attempt: SignedAttempt): Promise<void>;
  saveMined(purpose: string, hash: string, block: SeenBlock): Promise<void>;
  saveState(purpose: string, state: 'signed' | 'final'): Promise<void>;
  /** `failed` where it was mined and reverted; otherwise it stays as it is. */
  saveFailure(purpose: string, error: string, failed: boolean): Promise<void>;
  /** Gives its attempts up and queues it again, to be sent under a new nonce. */
  requeue(purpose: string): Promise<void>;
}
