import { invariant } from '@openledger/kernel';
import type { Transaction } from '@openledger/persistence';
import type {
  ChainLedger,
  OutgoingTransaction,
  QueuedTransaction,
  SeenBlock,
  SeenLog,
  SignedAttempt,
} from '../application/chain-ports.js';
import { type LogRow, readLog, writeEvent } from './chain-log-row.js';

interface TransactionRow {
  readonly purpose: string;
  readonly to_address: string;
  readonly data: string;
  readonly nonce: number | null;
  readonly state: OutgoingTransaction['state'];
  readonly block_number: string | null;
  readonly block_hash: string | null;
  readonly applied: boolean;
}

interface AttemptRow {
  readonly purpose: string;
  readonly hash: string;
  readonly raw: string;
  readonly max_fee_wei: string;
  readonly tip_wei: string;
  readonly created_at: Date;
}

/** Journal of blocks and logs, and the outbox of transactions. */
export class PostgresChain implements ChainLedger {
  constructor(private readonly tx: Transaction) {}

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

  async enqueue(transaction: QueuedTransaction): Promise<void> {
    await this.tx.query(
      `INSERT INTO chain_tx (purpose, to_address, data, state) VALUES ($1, $2, $3, 'queued')
       ON CONFLICT (purpose) DO NOTHING`,
      [transaction.purpose, transaction.call.to, transaction.call.data],
    );
  }

  async openTransactions(limit: number): Promise<OutgoingTransaction[]> {
    const rows = await this.tx.query<TransactionRow>(
      `SELECT * FROM chain_tx WHERE state IN ('queued', 'signed', 'mined', 'failed') ORDER BY position LIMIT $1`,
      [limit],
    );
    return this.withAttempts(rows);
  }

  async transaction(purpose: string): Promise<OutgoingTransaction | undefined> {
    const sql = 'SELECT * FROM chain_tx WHERE purpose = $1 FOR UPDATE';
    const found = await this.withAttempts(await this.tx.query<TransactionRow>(sql, [purpose]));
    return found[0];
  }

  async takeNonce(address: string, first: number): Promise<number> {
    const [row] = await this.tx.query<{ nonce: number }>(
      `INSERT INTO chain_signer (address, next_nonce) VALUES ($1, $2 + 1)
       ON CONFLICT (address) DO UPDATE SET next_nonce = chain_signer.next_nonce + 1
       RETURNING next_nonce - 1 AS nonce`,
      [address, first],
    );
    invariant(row, 'the signer has a row');
    return row.nonce;
  }

  async saveAttempt(purpose: string, nonce: number, attempt: SignedAttempt): Promise<void> {
    await this.tx.query(
      `INSERT INTO chain_attempt (hash, purpose, raw, max_fee_wei, tip_wei, created_at)
       VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
      [
        attempt.hash,
        purpose,
        attempt.raw,
        attempt.maxFeeWei.toString(),
        attempt.tipWei.toString(),
        attempt.createdAt,
      ],
    );
    await this.tx.query("UPDATE chain_tx SET state = 'signed', nonce = $2, error = NULL WHERE purpose = $1", [
      purpose,
      nonce,
    ]);
  }

  async saveMined(purpose: string, hash: string, block: SeenBlock): Promise<void> {
    await this.tx.query(
      `UPDATE chain_tx SET state = 'mined', applied = true, error = NULL, transaction_hash = $2,
         block_number = $3, block_hash = $4
       WHERE purpose = $1`,
      [purpose, hash, block.number, block.hash],
    );
  }

  async saveState(purpose: string, state: 'signed' | 'final'): Promise<void> {
    await this.tx.query('UPDATE chain_tx SET state = $2 WHERE purpose = $1', [purpose, state]);
  }

  async saveFailure(purpose: string, error: string, failed: boolean): Promise<void> {
    await this.tx.query(
      "UPDATE chain_tx SET error = $2, state = CASE WHEN $3 THEN 'failed' ELSE state END WHERE purpose = $1",
      [purpose, error, failed],
    );
  }

  async requeue(purpose: string): Promise<void> {
    await this.tx.query('UPDATE chain_attempt SET dead = true WHERE purpose = $1', [purpose]);
    await this.tx.query("UPDATE chain_tx SET state = 'queued', nonce = NULL WHERE purpose = $1", [purpose]);
  }

  private async withAttempts(rows: readonly TransactionRow[]): Promise<OutgoingTransaction[]> {
    const attempts = await this.tx.query<AttemptRow>(
      'SELECT * FROM chain_attempt WHERE purpose = ANY($1::text[]) AND NOT dead ORDER BY created_at, max_fee_wei',
      [rows.map((row) => row.purpose)],
    );
    return rows.map((row) => ({
      purpose: row.purpose,
      call: { to: row.to_address, data: row.data },
      state: row.state,
      ...(row.nonce === null ? {} : { nonce: row.nonce }),
      ...(row.block_hash === null
        ? {}
        : { mined: { number: Number(row.block_number), hash: row.block_hash } }),
      applied: row.applied,
      attempts: attempts.filter((attempt) => attempt.purpose === row.purpose).map(toAttempt),
    }));
  }
}

const toAttempt = (row: AttemptRow): SignedAttempt => ({
  hash: row.hash,
  raw: row.raw,
  maxFeeWei: BigInt(row.max_fee_wei),
  tipWei: BigInt(row.tip_wei),
  createdAt: row.created_at,
});
