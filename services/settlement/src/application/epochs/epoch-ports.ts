import type { Leaf } from '../../domain/epochs/epoch.js';
import type { Royalties } from '../../domain/split/split-fee.js';

/**
 * `closing` until its root is computed, `held` while the vault has not what it promises, `posting` until the root is on
 * chain, then `active`: the contract pays from the end of the challenge window on. `disabled` epochs were stopped there, and
 * their number is posted again.
 */
export type EpochState = 'closing' | 'held' | 'posting' | 'active' | 'disabled';

/** A chain epoch. */
export interface Epoch {
  readonly epoch: number;
  /** Counts how often its number was closed. */
  readonly revision: number;
  readonly previousRoot: string;
  /** Empty while it is closing, as the manifest is. */
  readonly root: string;
  readonly manifest: string;
  /** Cumulative sum of the leaves. */
  readonly totalWei: bigint;
  /** What this epoch adds. */
  readonly fundedWei: bigint;
  readonly leafCount: number;
  readonly state: EpochState;
  /** Why it is held. */
  readonly heldCode?: string;
  /** The ledger epochs that it pays, both included; absent in epochs from before there were any. */
  readonly ledgerFrom?: number;
  readonly ledgerTo?: number;
  readonly transactionHash?: string;
  readonly closedAt: Date;
}

/** What a payee with a known wallet has accrued. */
export interface Accrual {
  readonly accountId: string;
  readonly wallet: string;
  readonly amountWei: bigint;
}

/** Names one closing of one epoch. */
export type EpochRevision = Pick<Epoch, 'epoch' | 'revision'>;

/** The ledger epoch that is open. */
export interface EpochClock {
  readonly ledgerEpoch: number;
  /** Absent until it is first looked at. */
  readonly openedAt?: Date;
  /** From when its length is counted: later than its opening where the clock was set back. */
  readonly countedFrom?: Date;
  /** Lengths of a ledger epoch that have passed since the last chain epoch. */
  readonly intervals: number;
}

/** An epoch whose root is computed, and what must still be sent to the distributor for it. */
export interface ComputedEpoch extends EpochRevision {
  readonly root: string;
  readonly manifest: string;
  readonly totalWei: bigint;
}

export interface EpochLedger {
  /**
   * The ledger epoch that is open, and stays open until commit, so that whatever is credited under its number is there
   * when it closes. To be called before accounts are locked: closing takes this lock before it takes theirs.
   */
  open(): Promise<number>;
  /** Waits for everybody who credits under the open number, and keeps others waiting until commit. */
  lockClock(): Promise<EpochClock>;
  setClock(clock: EpochClock): Promise<void>;
  /**
   * Closes the open ledger epoch under {@link EpochLedger.lockClock}: where its accounts stand is final. False, and nothing
   * is closed, when none of them moved.
   */
  closeLedger(epoch: number, openedAt: Date, closedAt: Date): Promise<boolean>;

  /** Keeps the weights that splits are made with, each once, under their SHA-256; empty ones have none. */
  saveRoyalties(royalties: readonly Royalties[]): Promise<ReadonlyMap<Royalties, string>>;

  /** Lets one epoch be closed at a time. */
  lock(): Promise<void>;
  /** The newest that is not disabled. */
  last(): Promise<Epoch | undefined>;
  find(epoch: number): Promise<Epoch | undefined>;
  /** Those from `epoch` on that are not disabled. */
  from(epoch: number): Promise<Epoch[]>;
  /** Opens an epoch, or closes a disabled one again. */
  begin(
    epoch: Omit<Epoch, 'root' | 'manifest' | 'totalWei' | 'leafCount' | 'fundedWei' | 'state'>,
  ): Promise<void>;
  /**
   * Under {@link EpochLedger.lockClock}: everything that payees have accrued is to be paid by the epoch, to wallets that are
   * due `minimumWei` or more in all. Others go on accruing.
   */
  savePayments(epoch: EpochRevision, ledgerEpoch: number, minimumWei: bigint): Promise<void>;
  /** At most `limit` payments of an epoch, in order of their accounts, after the given one. */
  payments(epoch: EpochRevision, after: string, limit: number): Promise<Accrual[]>;
  /** Computes the leaves: those of epoch `previous` and the payments; leaves of epochs long past are dropped. */
  saveLeaves(epoch: EpochRevision, previous: number): Promise<void>;
  hold(epoch: EpochRevision, code: string): Promise<void>;
  post(epoch: ComputedEpoch): Promise<void>;
  activate(epoch: number, transactionHash: string): Promise<void>;

  /** Everything that was ever queued to be sent to the distributor. */
  fundedWei(): Promise<bigint>;
  saveFunding(purpose: string, epoch: number, amountWei: bigint): Promise<void>;
  fundingOf(purpose: string): Promise<bigint | undefined>;

  /**
   * Gives up roots of disabled epochs that are not under way: the distributor would refuse them for ever. One that is signed
   * is given up when it has reverted. So is sharing what stakers got, where somebody else did it.
   */
  dropStale(): Promise<void>;
  /** Marks it disabled, and drops its leaves. */
  disable(epoch: EpochRevision): Promise<void>;
  /** Remembers that they were undone, and in which ledger epoch. */
  undoPayments(epoch: EpochRevision, ledgerEpoch: number): Promise<void>;
}

/** A call to a contract, ready to be signed. */
export interface ContractCall {
  readonly to: string;
  readonly data: string;
}

export interface LeafTree {
  readonly root: string;
  totalOf(wallet: string): bigint | undefined;
  proofOf(wallet: string): string[] | undefined;
}

/** Where the root of an epoch stands on chain. */
export interface RootStanding {
  /** Whether claims against it are paid now. */
  readonly claimable: boolean;
  /** From when on they are, if nobody stops it. */
  readonly activeAt: Date;
}

/** The contracts that pay, without sending anything. */
export abstract class PayoutContracts {
  abstract fund(amountWei: bigint): ContractCall;
  abstract postRoot(epoch: Pick<Epoch, 'epoch' | 'root' | 'totalWei' | 'manifest'>): ContractCall;
  /** What a wallet must be due to enter a root, by the parameters in force. */
  abstract minPayoutWei(): Promise<bigint>;
  /** What the vault holds now. */
  abstract vaultWei(): Promise<bigint>;
  abstract rootStanding(epoch: number): Promise<RootStanding>;
  /** Beside the event loop. */
  abstract tree(leaves: readonly Leaf[]): Promise<LeafTree>;
  /** Whether the contract would take the proof. */
  abstract proves(root: string, leaf: Leaf, proof: readonly string[]): boolean;
}
