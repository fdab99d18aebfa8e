import type { Epoch, EpochState } from '../../application/epochs/epoch-ports.js';
import type { Leaf } from '../../domain/epochs/epoch.js';

/** A row of table `epoch`. */
export interface EpochRow {
  readonly epoch: number;
  readonly revision: number;
  readonly previous_root: string;
  readonly root: string | null;
  readonly manifest: string | null;
  readonly total: string;
  readonly funded: string;
  readonly leaf_count: number;
  readonly state: EpochState;
  readonly held_code: string | null;
  readonly ledger_from: number | null;
  readonly ledger_to: number | null;
  readonly transaction_hash: string | null;
  readonly closed_at: Date;
}

export const toEpoch = (row: EpochRow): Epoch => ({
  epoch: row.epoch,
  revision: row.revision,
  previousRoot: row.previous_root,
  root: row.root ?? '',
  manifest: row.manifest ?? '',
  totalWei: BigInt(row.total),
  fundedWei: BigInt(row.funded),
  leafCount: row.leaf_count,
  state: row.state,
  ...(row.held_code === null ? {} : { heldCode: row.held_code }),
  ...(row.ledger_from === null ? {} : { ledgerFrom: row.ledger_from }),
  ...(row.ledger_to === null ? {} : { ledgerTo: row.ledger_to }),
  ...(row.transaction_hash === null ? {} : { transactionHash: row.transaction_hash }),
  closedAt: row.closed_at,
});

export const toLeaf = (row: { wallet: string; total: string }): Leaf => ({
  wallet: row.wallet,
  totalWei: BigInt(row.total),
});
