import type { Transaction } from '@openledger/persistence';
import type { SealMark, Seals } from '../../application/ledger/seal-ports.js';
import type { BlockContent, SealedBlock } from '../../domain/ledger/seal.js';

/** A row of table `block`; bigint columns come as text. */
export interface BlockRow {
  readonly number: string;
  readonly last_position: string;
  readonly transfers: number;
  readonly rows_hash: string;
  readonly previous_hash: string;
  readonly hash: string;
  readonly sealed_at: Date;
}

interface ContentRow {
  readonly last_position: string | null;
  readonly transfers: number;
  readonly rows_hash: string;
}

/** A line a transfer, with everything it says; times in microseconds, accounts by name, so that a swap of names shows. */
const CONTENT = `
  SELECT max(position) AS last_position, count(*)::int AS transfers,
    encode(sha256(convert_to(string_agg(line || chr(10), '' ORDER BY position), 'UTF8')), 'hex') AS rows_hash
  FROM (
    SELECT transfer.position, json_build_array(transfer.position, transfer.id, transfer.kind, debit.id, credit.id,
      amount::text, released::text, pending_id, (extract(epoch FROM expires_at) * 1000000)::bigint, reason, reference,
      refusal, (extract(epoch FROM recorded_at) * 1000000)::bigint)::text AS line
    FROM (
      SELECT * FROM transfer WHERE position > $1 AND position <= $2 ORDER BY position LIMIT $3
    ) AS transfer
      JOIN account debit ON debit.key = transfer.debit JOIN account credit ON credit.key = transfer.credit
  ) AS lines`;

/** Where the accounts of the transfers in ($1, $2] stand after them, by their balances at the end of an earlier block. */
const STANDINGS_AFTER = `
  SELECT moved.account, coalesce(before.debits_pending, 0) + moved.debits_pending AS debits_pending,
    coalesce(before.debits_posted, 0) + moved.debits_posted AS debits_posted,
    coalesce(before.credits_pending, 0) + moved.credits_pending AS credits_pending,
    coalesce(before.credits_posted, 0) + moved.credits_posted AS credits_posted
  FROM (
    SELECT account, sum(debits_pending) AS debits_pending, sum(debits_posted) AS debits_posted,
      sum(credits_pending) AS credits_pending, sum(credits_posted) AS credits_posted
    FROM movement WHERE position > $1 AND position <= $2 GROUP BY account
  ) AS moved LEFT JOIN LATERAL (
    SELECT * FROM account_history WHERE account = moved.account AND block < $3 ORDER BY block DESC LIMIT 1
  ) AS before ON true`;

const KEPT = `
  SELECT account, debits_pending, debits_posted, credits_pending, credits_posted FROM account_history WHERE block = $3`;

/** Sums without joins: they take the same time whatever the planner knows of the tables. */
const DRIFTED = `
  SELECT account.id FROM account JOIN (
    SELECT account FROM (
      SELECT account, debits_pending, debits_posted, credits_pending, credits_posted FROM (
        SELECT DISTINCT ON (account) * FROM account_history ORDER BY account, block DESC
      ) AS newest
      UNION ALL
      SELECT account, debits_pending, debits_posted, credits_pending, credits_posted FROM movement
      WHERE position > (SELECT coalesce(max(last_position), 0) FROM block)
      UNION ALL
      SELECT key, -debits_pending, -debits_posted, -credits_pending, -credits_posted FROM account
    ) AS both_ways GROUP BY account
    HAVING sum(debits_pending) <> 0 OR sum(debits_posted) <> 0 OR sum(credits_pending) <> 0 OR sum(credits_posted) <> 0
    LIMIT $1
  ) AS drifted ON drifted.account = account.key
  ORDER BY account.id`;

export class PostgresSeals implements Seals {
  constructor(private readonly tx: Transaction) {}

  async lock(): Promise<boolean> {
    const [row] = await this.tx.query<{ locked: boolean }>(
      "SELECT pg_try_advisory_xact_lock(hashtext('settlement.seal')) AS locked",
    );
    return row?.locked === true;
  }

  async last(): Promise<SealedBlock | undefined> {
    const [row] = await this.tx.query<BlockRow>('SELECT * FROM block ORDER BY number DESC LIMIT 1');
    return row && toBlock(row);
  }

  /**
   * The position is read first: whoever was given one up to it has a number below the one that this transaction takes then.
   * A snapshot's end would not do: it follows the last that ended, and running ones may lie beyond it.
   */
  async mark(): Promise<SealMark> {
    const [handedOut] = await this.tx.query<{ position: string }>(
      'SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS position FROM transfer_positions',
    );
    const [own] = await this.tx.query<{ number: string }>('SELECT pg_current_xact_id()::text AS number');
    return { position: Number(handedOut?.position ?? 0), beforeTransaction: own?.number ?? '0' };
  }

  async isSettled({ beforeTransaction }: SealMark): Promise<boolean> {
    const [row] = await this.tx.query<{ settled: boolean }>(
      'SELECT pg_snapshot_xmin(pg_current_snapshot()) >= $1::text::xid8 AS settled',
      [beforeTransaction],
    );
    return row?.settled === true;
  }

  async content(
    after: number,
    upTo: number,
    limit: number,
  ): Promise<Omit<BlockContent, 'number'> | undefined> {
    const [row] = await this.tx.query<ContentRow>(CONTENT, [after, upTo, limit]);
    if (!row || row.last_position === null) return undefined;
    return { lastPosition: Number(row.last_position), transfers: row.transfers, rowsHash: row.rows_hash };
  }

  async insert(block: SealedBlock, after: number): Promise<void> {
    await this.tx.query(
      `INSERT INTO block (number, last_position, transfers, rows_hash, previous_hash, hash, sealed_at, earliest_at,
         reached_at)
       SELECT $1, $2, $3, $4, $5, $6, $7, min(recorded_at),
         greatest(max(recorded_at), (SELECT max(reached_at) FROM block))
       FROM transfer WHERE position > $8 AND position <= $2`,
      [
        block.number,
        block.lastPosition,
        block.transfers,
        block.rowsHash,
        block.previousHash,
        block.hash,
        block.sealedAt,
        after,
      ],
    );
    await this.tx.query(
      `INSERT INTO account_history (block, account, debits_pending, debits_posted, credits_pending, credits_posted)
       SELECT $3, stands.* FROM (${STANDINGS_AFTER}) AS stands`,
      [after, block.lastPosition, block.number],
    );
  }

  async blocks(from: number, limit: number): Promise<SealedBlock[]> {
    const rows = await this.tx.query<BlockRow>(
      'SELECT * FROM block WHERE number >= $1 ORDER BY number LIMIT $2',
      [from, limit],
    );
    return rows.map(toBlock);
  }

  async historyDiffers(block: SealedBlock, after: number): Promise<boolean> {
    const [row] = await this.tx.query<{ differs: boolean }>(
      `WITH made AS (${STANDINGS_AFTER}), kept AS (${KEPT})
       SELECT EXISTS (TABLE made EXCEPT TABLE kept) OR EXISTS (TABLE kept EXCEPT TABLE made) AS differs`,
      [after, block.lastPosition, block.number],
    );
    return row?.differs === true;
  }

  async drifted(limit: number): Promise<string[]> {
    const rows = await this.tx.query<{ id: string }>(DRIFTED, [limit]);
    return rows.map(({ id }) => id);
  }
}

export const toBlock = (row: BlockRow): SealedBlock => ({
  number: Number(row.number),
  lastPosition: Number(row.last_position),
  transfers: row.transfers,
  rowsHash: row.rows_hash,
  previousHash: row.previous_hash,
  hash: row.hash,
  sealedAt: row.sealed_at,
});
