import type { SeenBlock } from '../chain/chain-ports.js';

/** What the contracts say at one block, in wei. */
export interface ChainSums {
  readonly supplyWei: bigint;
  readonly vaultHeldWei: bigint;
  readonly vaultDepositedWei: bigint;
  readonly vaultFundedWei: bigint;
  readonly distributorHeldWei: bigint;
  readonly distributorClaimedWei: bigint;
  /** Stakes of challengers, which the distributor holds as well and owes to them. */
  readonly distributorBondedWei: bigint;
  readonly escrowHeldWei: bigint;
  /** Of what the escrow holds or held for us. */
  readonly escrowClaimedWei: bigint;
  readonly escrowSettledWei: bigint;
  readonly stakesHeldWei: bigint;
  /** Staked, on its way out, and rewards that were not paid. */
  readonly stakesOwedWei: bigint;
}

/** Reads the contracts as of one block. */
export abstract class ChainBooks {
  abstract sums(block: number): Promise<ChainSums>;
  abstract claimedBy(wallets: readonly string[], block: number): Promise<bigint[]>;
}

/** What the books say, all at one moment, in wei. */
export interface BookSums {
  /** The newest block that the books follow. */
  readonly block: SeenBlock | undefined;
  readonly vaultWei: bigint;
  readonly distributorWei: bigint;
  readonly escrowWei: bigint;
  /** Credited for vouchers, over all channels. */
  readonly vouchersWei: bigint;
  /** Cumulative promise of the newest root that is on chain. */
  readonly promisedWei: bigint;
  /** Payouts that are sent and of which it is not known whether this block holds them. */
  readonly inFlight: number;
}

/** Paid to a wallet in all, by the logs that count. */
export interface PaidWallet {
  readonly wallet: string;
  readonly paidWei: bigint;
}

export interface Reconciliation {
  readonly block: number;
  readonly at: Date;
  /** Supply then: it may fall and never rise. */
  readonly supplyWei: bigint;
  /** What the vault holds beyond the books: sent to it without a deposit. */
  readonly unsweptWei: bigint;
  readonly differences: number;
}

/** The ledger's side of a comparison. */
export interface ReconciliationBook {
  sums(): Promise<BookSums>;
  /** Wallets that were paid, or whose payment was undone, after a block; at most `limit`. */
  paidAfter(block: number, limit: number): Promise<PaidWallet[]>;
  last(): Promise<Reconciliation | undefined>;
  save(reconciliation: Reconciliation): Promise<void>;
}
