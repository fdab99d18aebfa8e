import { invariant } from '@openledger/kernel';
import type { Transaction } from '@openledger/persistence';
import type { SeenBlock } from '../../application/chain/chain-ports.js';
import type {
  OutgoingLedger,
  OutgoingSummary,
  OutgoingTransaction,
  QueuedTransaction,
  SignedAttempt,
} from '../../application/chain/sending-ports.js';
import type { SigningEntry, SigningUse } from '../../domain/chain/signing-policy.js';

interface TransactionRow {
  readonly purpose: string;
  readonly to_address: string;
  readonly data: string;
  readonly signer: string | null;
  readonly nonce: number | null;
  readonly state: OutgoingTransaction['state'];
  readonly block_number: string | null;
  readonly block_hash: string | null;
  readonly applied: boolean;
  readonly paged_at: Date | null;
}

interface AttemptRow {
  readonly purpose: string;
  readonly hash: string;
  readonly raw: string;
  readonly max_fee_wei: string;
  readonly tip_wei: string;
  readonly gas_limit: string;
  readonly created_at: Date;
}

interface SummaryRow extends TransactionRow {
  readonly transaction_hash: string | null;
  readonly error: string | null;
  readonly attempts: number;
  readonly max_fee: string | null;
}

/** Errors come from nodes and contracts: longer ones say nothing more. */
const ERROR_CHARACTERS_MAX = 500;

/** The outbox of transactions. */
export class PostgresOutgoing implements OutgoingLedger {
  constructor(protected readonly tx: Transaction) {}

  async enqueue(transaction: QueuedTransaction): Promise<void> {
    await this.tx.query(
      `INSERT INTO chain_tx (purpose, to_address, data, state) VALUES ($1, $2, $3, 'queued')
       ON CONFLICT (purpose) DO NOTHING`,
      [transaction.purpose, transaction.call.to, transaction.call.data],
    );
  }

  async enqueueAt(transaction: QueuedTransaction, signer: string, nonce: number): Promise<void> {
    await this.tx.query(
      `INSERT INTO chain_tx (purpose, to_address, data, state, signer, nonce) VALUES ($1, $2, $3, 'queued', $4, $5)
       ON CONFLICT DO NOTHING`,
      [transaction.purpose, transaction.call.to, transaction.call.data, signer, nonce],
    );
  }

  async openTransactions(limit: number): Promise<OutgoingTransaction[]> {
    // A chain that stops calling blocks final must not keep what is new from being sent.
    const mined = await this.tx.query<TransactionRow>(
      "SELECT * FROM chain_tx WHERE state = 'mined' ORDER BY nonce LIMIT $1",
      [limit],
    );
    const rest = await this.tx.query<TransactionRow>(
      `SELECT * FROM chain_tx WHERE state NOT IN ('mined', 'final') ORDER BY nonce NULLS LAST, position LIMIT $1`,
      [limit],
    );
    return this.withAttempts([...mined, ...rest]);
  }

  async transaction(purpose: string): Promise<OutgoingTransaction | undefined> {
    const sql = 'SELECT * FROM chain_tx WHERE purpose = $1 FOR UPDATE';
    const found = await this.withAttempts(await this.tx.query<TransactionRow>(sql, [purpose]));
    return found[0];
  }

  async transactionAt(signer: string, nonce: number): Promise<OutgoingTransaction | undefined> {
    const sql = 'SELECT * FROM chain_tx WHERE signer = $1 AND nonce = $2 FOR UPDATE';
    const found = await this.withAttempts(await this.tx.query<TransactionRow>(sql, [signer, nonce]));
    return found[0];
  }

  async summaries(limit: number): Promise<OutgoingSummary[]> {
    const rows = await this.tx.query<SummaryRow>(
      `SELECT chain_tx.*, tried.attempts, tried.max_fee FROM chain_tx
       CROSS JOIN LATERAL (
         SELECT count(*)::int AS attempts, max(max_fee_wei) AS max_fee FROM chain_attempt
         WHERE chain_attempt.purpose = chain_tx.purpose AND NOT dead
       ) tried
       ORDER BY position DESC LIMIT $1`,
      [limit],
    );
    return rows.map((row) => ({
      purpose: row.purpose,
      state: row.state,
      nonce: row.nonce ?? undefined,
      attempts: row.attempts,
      maxFeeWei: row.max_fee === null ? undefined : BigInt(row.max_fee),
      transactionHash: row.transaction_hash ?? undefined,
      error: row.error ?? undefined,
      pagedAt: row.paged_at ?? undefined,
    }));
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

  async saveAttempt(purpose: string, signer: string, nonce: number, attempt: SignedAttempt): Promise<void> {
    await this.tx.query(
      `INSERT INTO chain_attempt (hash, purpose, raw, max_fee_wei, tip_wei, gas_limit, created_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
      [
        attempt.hash,
        purpose,
        attempt.raw,
        attempt.maxFeeWei.toString(),
        attempt.tipWei.toString(),
        attempt.gasLimit.toString(),
        attempt.createdAt,
      ],
    );
    await this.tx.query(
      "UPDATE chain_tx SET state = 'signed', signer = $2, nonce = $3, error = NULL WHERE purpose = $1",
      [purpose, signer, nonce],
    );
  }

  async saveMined(purpose: string, hash: string, block: SeenBlock): Promise<void> {
    await this.tx.query(
      `UPDATE chain_tx SET state = 'mined', applied = true, error = NULL, paged_at = NULL, transaction_hash = $2,
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
      [purpose, error.slice(0, ERROR_CHARACTERS_MAX), failed],
    );
  }

  async page(purpose: string, error: string, now: Date): Promise<boolean> {
    const [row] = await this.tx.query<{ first: boolean }>(
      `UPDATE chain_tx SET error = $2, paged_at = coalesce(chain_tx.paged_at, $3)
       FROM (SELECT paged_at IS NULL AS first FROM chain_tx WHERE purpose = $1 FOR UPDATE) before
       WHERE purpose = $1 RETURNING before.first`,
      [purpose, error.slice(0, ERROR_CHARACTERS_MAX), now],
    );
    return row?.first ?? false;
  }

  async requeue(purpose: string): Promise<void> {
    await this.tx.query('UPDATE chain_attempt SET dead = true WHERE purpose = $1', [purpose]);
    await this.tx.query(
      "UPDATE chain_tx SET state = 'queued', signer = NULL, nonce = NULL WHERE purpose = $1",
      [purpose],
    );
  }

  async signingUse(signer: string, nonce: number, since: Date): Promise<SigningUse> {
    const rows = await this.tx.query<{ rule: string; cost: string; moved: string; mark: string | null }>(
      `SELECT rule, coalesce(sum(cost) FILTER (WHERE signed_at > $3), 0) AS cost,
         coalesce(sum(moved) FILTER (WHERE signed_at > $3), 0) AS moved, max(mark) FILTER (WHERE nonce < $2) AS mark
       FROM chain_signing WHERE signer = $1 AND nonce <> $2 GROUP BY rule`,
      [signer, nonce, since],
    );
    return {
      costWei: rows.reduce((sum, row) => sum + BigInt(row.cost), 0n),
      movedWei: new Map(rows.map((row) => [row.rule, BigInt(row.moved)])),
      marks: new Map(rows.map((row) => [row.rule, BigInt(row.mark ?? 0)])),
    };
  }

  async saveSigning(signer: string, nonce: number, entry: SigningEntry, now: Date): Promise<void> {
    await this.tx.query(
      `INSERT INTO chain_signing (signer, nonce, rule, cost, moved, mark, signed_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7)
       ON CONFLICT (signer, nonce) DO UPDATE SET
         rule = excluded.rule, cost = greatest(chain_signing.cost, excluded.cost),
         moved = greatest(chain_signing.moved, excluded.moved), mark = excluded.mark, signed_at = excluded.signed_at`,
      [
        signer,
        nonce,
        entry.rule,
        entry.costWei.toString(),
        entry.movedWei.toString(),
        entry.mark?.toString() ?? null,
        now,
      ],
    );
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
      ...(row.signer === null ? {} : { signer: row.signer }),
      ...(row.nonce === null ? {} : { nonce: row.nonce }),
      ...(row.block_hash === null
        ? {}
        : { mined: { number: Number(row.block_number), hash: row.block_hash } }),
      applied: row.applied,
      paged: row.paged_at !== null,
      attempts: attempts.filter((attempt) => attempt.purpose === row.purpose).map(toAttempt),
    }));
  }
}

const toAttempt = (row: AttemptRow): SignedAttempt => ({
  hash: row.hash,
  raw: row.raw,
  maxFeeWei: BigInt(row.max_fee_wei),
  tipWei: BigInt(row.tip_wei),
  gasLimit: BigInt(row.gas_limit),
  createdAt: row.created_at,
});
