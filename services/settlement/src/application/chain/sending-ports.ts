import type { SigningEntry, SigningUse } from '../../domain/chain/signing-policy.js';
import type { ContractCall } from '../epochs/epoch-ports.js';
import type { SeenBlock } from './seen-block.js';

export interface SignedAttempt {
  readonly hash: string;
  readonly raw: string;
  readonly maxFeeWei: bigint;
  readonly tipWei: bigint;
  readonly gasLimit: bigint;
  readonly createdAt: Date;
}

/** Signed and not stored yet; `entry` is what it used of the signer's policy. */
export type FreshAttempt = Omit<SignedAttempt, 'createdAt'> & { readonly entry: SigningEntry };

export interface MinedTransaction extends SeenBlock {
  readonly succeeded: boolean;
}

/**
 * What a node made of signed bytes. `known`: it has, or had, these very bytes. `spent`: the nonce is used, by these
 * bytes or by others. `underpriced`: it wants a higher fee. `refused`: something an operator must see to.
 */
export interface BroadcastAnswer {
  readonly outcome: 'accepted' | 'known' | 'spent' | 'underpriced' | 'refused';
  readonly message?: string;
}

export interface SigningContext {
  readonly use: SigningUse;
  /** The attempt to outbid. */
  readonly replaced?: SignedAttempt;
}

/** Signs and sends for one key. */
export abstract class TransactionSender {
  abstract readonly address: string;
  /** The next nonce according to the latest block. */
  abstract minedNonce(): Promise<number>;
  /** Simulates, prices and signs. @throws DomainError when it would revert, or when the policy refuses it */
  abstract sign(call: ContractCall, nonce: number, context: SigningContext): Promise<FreshAttempt>;
  abstract broadcast(raw: string): Promise<BroadcastAnswer>;
  abstract receipt(hash: string): Promise<MinedTransaction | undefined>;
  /** What spent a nonce that is used, by the blocks themselves; undefined where they are not to be had. */
  abstract spender(nonce: number): Promise<{ readonly hash: string; readonly number: number } | undefined>;
}

/** A transaction that must happen exactly once; `purpose` says what for and is unique: `root:42`. */
export interface QueuedTransaction {
  readonly purpose: string;
  readonly call: ContractCall;
}

export interface OutgoingTransaction extends QueuedTransaction {
  readonly state: 'queued' | 'signed' | 'mined' | 'final' | 'failed';
  readonly signer?: string;
  readonly nonce?: number;
  readonly mined?: SeenBlock;
  /** Its effects are in the ledger. */
  readonly applied: boolean;
  /** An operator was told that it does not get on by itself. */
  readonly paged: boolean;
  /** Oldest first; without those that were given up. */
  readonly attempts: readonly SignedAttempt[];
}

/** One line of the outbox for operators. */
export interface OutgoingSummary {
  readonly purpose: string;
  readonly state: OutgoingTransaction['state'];
  readonly nonce: number | undefined;
  readonly attempts: number;
  readonly maxFeeWei: bigint | undefined;
  readonly transactionHash: string | undefined;
  readonly error: string | undefined;
  readonly pagedAt: Date | undefined;
}

/** What we sent to the chain, and what is to be sent. */
export interface OutgoingLedger {
  /** Does nothing for a purpose that is known. */
  enqueue(transaction: QueuedTransaction): Promise<void>;
  /** Takes a nonce of its own choice: one that nothing of ours holds. */
  enqueueAt(transaction: QueuedTransaction, signer: string, nonce: number): Promise<void>;
  /** At most `limit` that are mined and not final, and as many that are not mined: by nonce, then as they came. */
  openTransactions(limit: number): Promise<OutgoingTransaction[]>;
  /** Locked until commit. */
  transaction(purpose: string): Promise<OutgoingTransaction | undefined>;
  transactionAt(signer: string, nonce: number): Promise<OutgoingTransaction | undefined>;
  /** Newest first. */
  summaries(limit: number): Promise<OutgoingSummary[]>;
  /** Hands out the next nonce of the key; `first` where it was never used by us. */
  takeNonce(address: string, first: number): Promise<number>;
  saveAttempt(purpose: string, signer: string, nonce: number, attempt: SignedAttempt): Promise<void>;
  saveMined(purpose: string, hash: string, block: SeenBlock): Promise<void>;
  saveState(purpose: string, state: 'signed' | 'final'): Promise<void>;
  /** `failed` where it was mined and reverted; otherwise it stays as it is. */
  saveFailure(purpose: string, error: string, failed: boolean): Promise<void>;
  /** Tells an operator, once; true the first time. */
  page(purpose: string, error: string, now: Date): Promise<boolean>;
  /** Gives its attempts up and queues it again, to be sent under a new nonce. */
  requeue(purpose: string): Promise<void>;
  /** What the key signed under other nonces: amounts since `since`, marks of all time. */
  signingUse(signer: string, nonce: number, since: Date): Promise<SigningUse>;
  saveSigning(signer: string, nonce: number, entry: SigningEntry, now: Date): Promise<void>;
}
