import type { Database } from '@openledger/persistence';
import { LedgerQueries } from '../application/ledger-queries.js';
import type { Account } from '../domain/accounts.js';
import type { SealedBlock } from '../domain/seal.js';
import type { Standing } from '../domain/standing.js';
import { type StandingRow, toStanding } from './ledger-rows.js';
import { type BlockRow, toBlock } from './postgres-seals.js';

/**
 * From the last block that ended by then, the transfers of the blocks that reach over it, and those that no block has yet.
 */
const STANDINGS_AT = `
  WITH base AS (
    SELECT number, last_position FROM block WHERE reached_at <= $2 ORDER BY reached_at DESC, number DESC LIMIT 1
  ), bounds AS (
    SELECT coalesce((SELECT number FROM base), 0) AS block, coalesce((SELECT last_position FROM base), 0) AS after,
      coalesce((SELECT max(last_position) FROM block
        WHERE tstzrange(earliest_at, reached_at, '[]') @> $2::timestamptz AND reached_at > $2), 0) AS up_to,
      coalesce((SELECT last_position FROM block ORDER BY number DESC LIMIT 1), 0) AS sealed
  ), part AS (
    SELECT movement.* FROM movement, bounds
    WHERE movement.position > bounds.after AND movement.position <= bounds.up_to AND recorded_at <= $2
    UNION ALL
    SELECT movement.* FROM movement, bounds WHERE movement.position > bounds.sealed AND recorded_at <= $2
  )
  SELECT account.id AS key, coalesce(kept.debits_pending, 0) + coalesce(moved.dp, 0) AS dp,
    coalesce(kept.debits_posted, 0) + coalesce(moved.dpo, 0) AS dpo,
    coalesce(kept.credits_pending, 0) + coalesce(moved.cp, 0) AS cp,
    coalesce(kept.credits_posted, 0) + coalesce(moved.cpo, 0) AS cpo
  FROM account
    LEFT JOIN LATERAL (
      SELECT * FROM account_history WHERE account = account.key AND block <= (SELECT block FROM bounds)
      ORDER BY block DESC LIMIT 1
    ) AS kept ON true
    LEFT JOIN LATERAL (
      SELECT sum(debits_pending) AS dp, sum(debits_posted) AS dpo, sum(credits_pending) AS cp, sum(credits_posted) AS cpo
      FROM part WHERE part.account = account.key
    ) AS moved ON true
  WHERE account.id = ANY($1::text[])`;

const NOTHING: Standing = {
  debitsPendingWei: 0n,
  debitsPostedWei: 0n,
  creditsPendingWei: 0n,
  creditsPostedWei: 0n,
};

export class PostgresLedgerQueries extends LedgerQueries {
  constructor(private readonly database: Database) {
    super();
  }

  async standingsAt(accounts: readonly Account[], at: Date): Promise<Standing[]> {
    const rows = await this.database.query<StandingRow>(STANDINGS_AT, [accounts.map(({ id }) => id), at]);
    const found = new Map(rows.map((row) => [row.key, toStanding(row)]));
    return accounts.map(({ id }) => found.get(id) ?? NOTHING);
  }

  async blocks(before: number, limit: number): Promise<SealedBlock[]> {
    const rows = await this.database.query<BlockRow>(
      'SELECT * FROM block WHERE number < $1 ORDER BY number DESC LIMIT $2',
      [before, limit],
    );
    return rows.map(toBlock);
  }
}
