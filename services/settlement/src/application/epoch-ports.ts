import type { Leaf } from '../domain/epoch.js';

export interface Epoch {
  readonly epoch: number;
  readonly previousRoot: string;
  readonly root: string;
  readonly manifest: string;
  /** Cumulative sum of the leaves. */
  readonly totalWei: bigint;
  /** What this epoch adds, and the vault hands to the distributor. */
  readonly fundedWei: bigint;
  readonly leafCount: number;
  /** `active` once its root is on chain. */
  readonly state: 'posting' | 'active';
  readonly transactionHash?: string;
  readonly closedAt: Date;
}

/** What a payee with a known wallet has accrued. */
export interface Accrual {
  readonly accountId: string;
  readonly wallet: string;
  readonly amountWei: bigint;
}

export interface EpochLedger {
  /**
   * The ledger epoch that is open, and stays open until commit, so that whatever is credited under its number is there
   * when it closes. To be called before accounts are locked: closing takes this lock before it takes theirs.
   */
  open(): Promise<number>;
  /** Lets one epoch be closed at a time. */
  lock(): Promise<void>;
  last(): Promise<Epoch | undefined>;
  /** When the first fee ever was credited. */
  firstCreditedAt(): Promise<Date | undefined>;
  find(epoch: number): Promise<Epoch | undefined>;
  leaves(epoch: number): Promise<Leaf[]>;
  /** Locks and lists at most `limit` accounts of payees that have something to be paid. */
  accruals(limit: number): Promise<Accrual[]>;
  insert(epoch: Epoch, leaves: readonly Leaf[]): Promise<void>;
  activate(epoch: number, transactionHash: string): Promise<void>;
}

/** A call to a contract, ready to be signed. */
export interface ContractCall {
  readonly to: string;
  readonly data: string;
}

export interface LeafTree {
  readonly root: string;
  proofOf(wallet: string): string[] | undefined;
}

/** The contracts that pay, without sending anything. */
export abstract class PayoutContracts {
  abstract fund(amountWei: bigint): ContractCall;
  abstract postRoot(epoch: Pick<Epoch, 'epoch' | 'root' | 'totalWei' | 'manifest'>): ContractCall;
  abstract tree(leaves: readonly Leaf[]): LeafTree;
}
