/** What stands still while a difference is unexplained; `channel` is the one that the case is about. */
export type FrozenClass = 'payouts' | 'vouchers' | 'channel';

/** Two sources that should agree and do not. */
export interface Difference {
  readonly freezes: FrozenClass;
  /** Stable: `VAULT_DIFFERS`, `CLAIMED_DIFFERS`, … */
  readonly code: string;
  /** An account, a wallet, a channel or a contract. */
  readonly subject: string;
  readonly expected: string;
  readonly actual: string;
  /** Where the chain was read. */
  readonly blockNumber?: number;
}

export interface Case extends Difference {
  readonly id: string;
  readonly openedAt: Date;
  readonly resolved?: CaseResolution;
}

export interface CaseResolution {
  readonly at: Date;
  /** Who decided: the operator's wallet or person. */
  readonly by: string;
  readonly reason: string;
}

/** Differences that a person must explain. Nothing is corrected by itself: what is concerned stands still. */
export interface CaseBook {
  /** False, having done nothing, where one of the same code and subject is open. */
  open(difference: Difference, now: Date): Promise<boolean>;
  /** True while a case of the class is open. */
  frozen(freezes: FrozenClass): Promise<boolean>;
  /** Newest first, open ones before resolved ones. */
  list(limit: number): Promise<Case[]>;
  /** Undefined where there is no such case; one that is resolved already stays as it was. */
  resolve(id: string, resolution: CaseResolution): Promise<Case | undefined>;
}
