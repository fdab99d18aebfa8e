import type { ChainEvent } from '../../application/chain/chain-events.js';
import type { SeenLog } from '../../application/chain/chain-ports.js';

/** A row of table `chain_log`. */
export interface LogRow {
  readonly transaction_hash: string;
  readonly log_index: number;
  readonly block_hash: string;
  readonly block_number: string;
  /** JSON has no integers of this size, so amounts are strings there; their names end in `Wei`. */
  readonly event: Readonly<Record<string, unknown>>;
  readonly applications: number;
}

export const writeEvent = (event: ChainEvent): string =>
  JSON.stringify(event, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));

export const readLog = (row: LogRow): SeenLog => ({
  transactionHash: row.transaction_hash,
  logIndex: row.log_index,
  blockNumber: Number(row.block_number),
  blockHash: row.block_hash,
  event: readEvent(row.event),
});

const readEvent = (stored: LogRow['event']): ChainEvent =>
  Object.fromEntries(
    Object.entries(stored).map(([name, value]) => [
      name,
      name.endsWith('Wei') ? BigInt(String(value)) : value,
    ]),
  ) as unknown as ChainEvent;
