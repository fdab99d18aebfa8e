import type { ChainEvent, SeenLog } from '../application/chain-ports.js';

/** A row of table `chain_log`. */
export interface LogRow {
  readonly transaction_hash: string;
  readonly log_index: number;
  readonly block_hash: string;
  readonly block_number: string;
  readonly event: StoredEvent;
  readonly applications: number;
}

type StoredEvent =
  | {
      readonly kind: 'deposited';
      readonly organisationId?: string;
      readonly from: string;
      readonly amountWei: string;
    }
  | { readonly kind: 'claimed'; readonly epoch: number; readonly wallet: string; readonly amountWei: string };

export const writeEvent = (event: ChainEvent): string =>
  JSON.stringify({ ...event, amountWei: event.amountWei.toString() });

export const readLog = (row: LogRow): SeenLog => ({
  transactionHash: row.transaction_hash,
  logIndex: row.log_index,
  blockNumber: Number(row.block_number),
  blockHash: row.block_hash,
  event: { ...row.event, amountWei: BigInt(row.event.amountWei) },
});
