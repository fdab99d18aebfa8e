import type { ChainLedger, SeenBlock, SeenLog } from '../../application/chain/chain-ports.js';
import { type LogRow, readLog, writeEvent } from './chain-log-row.js';
import { PostgresOutgoing } from './postgres-outgoing.js';

/** Journal of blocks and logs, and the outbox of transactions. */
export class PostgresChain extends PostgresOutgoing implements ChainLedger {
  async blocks(limit: number): Promise<SeenBlock[]> {
    const rows = await this.tx.query<{ number: string; hash: string }>(
      'SELECT number, hash FROM chain_block ORDER BY number DESC LIMIT $1',
      [limit],
    );
    return rows.map((row) => ({ number: Number(row.number), hash: row.hash }));
  }

  async saveBlocks(blocks: readonly SeenBlock[]): Promise<void> {
    await this.tx.query(
      `INSERT INTO chain_block (number, hash)
       SELECT number, hash FROM unnest($1::bigint[], $2::text[]) AS given (number, hash) ORDER BY number
       ON CONFLICT (number) DO UPDATE SET hash = excluded.hash`,
      [blocks.map((block) => block.number), blocks.map((block) => block.hash)],
    );
  }

  async dropBlocksAfter(number: number): Promise<void> {
    await this.tx.query('DELETE FROM chain_block WHERE number > $1', [number]);
  }

  async pruneBlocks(keep: number): Promise<void> {
    await this.tx.query(
      'DELETE FROM chain_block WHERE number < (SELECT min(number) FROM (SELECT number FROM chain_block ORDER BY number DESC LIMIT $1) kept)',
      [keep],
    );
  }

  async apply(log: SeenLog): Promise<number | undefined> {
    const [row] = await this.tx.query<{ applications: number }>(
      `INSERT INTO chain_log (transaction_hash, log_index, block_hash, block_number, event, state, applications)
       VALUES ($1, $2, $3, $4, $5, 'applied', 1)
       ON CONFLICT (transaction_hash, log_index, block_hash) DO UPDATE
         SET state = 'applied', applications = chain_log.applications + 1
       WHERE chain_log.state = 'orphaned'
       RETURNING applications`,
      [log.transactionHash, log.logIndex, log.blockHash, log.blockNumber, writeEvent(log.event)],
    );
    return row?.applications;
  }

  async orphanAfter(number: number): Promise<{ log: SeenLog; application: number }[]> {
    const rows = await this.tx.query<LogRow>(
      `UPDATE chain_log SET state = 'orphaned' WHERE block_number > $1 AND state = 'applied' RETURNING *`,
      [number],
    );
    return rows
      .map((row) => ({ log: readLog(row), application: row.applications }))
      .sort((a, b) => b.log.blockNumber - a.log.blockNumber || b.log.logIndex - a.log.logIndex);
  }
}
