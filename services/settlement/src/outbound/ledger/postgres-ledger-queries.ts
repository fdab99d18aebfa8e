import { invariant } from '@openledger/kernel';
import type { Database } from '@openledger/persistence';
import { LedgerQueries } from '../../application/ledger/ledger-queries.js';
import type { Account } from '../../domain/ledger/accounts.js';
import type { SealedBlock } from '../../domain/ledger/seal.js';
import type { Standing } from '../../domain/ledger/standing.js';
import { type StandingRow, toStanding } from './ledger-rows.js';
import { type BlockRow, toBlock } from './postgres-seals.js';

/** The last block that ended by then, up to where blocks reach over that time, and where no block is yet. */
const BOUNDS_AT = `
  WITH base AS (
    SELECT number, last_position FROM block WHERE reached_at <= $1 ORDER BY reached_at DESC, number DESC LIMIT 1
  )
  SELECT coalesce((SELECT number FROM base), 0) AS block, coalesce((SELECT last_position FROM base), 0) AS after,
    coalesce((SELECT max(last_position) FROM block
      WHERE tstzrange(earliest_at, reached_at, '[]') @> $1::timestamptz AND reached_at > $1), 0) AS up_to,
    coalesce((SELECT last_position FROM block ORDER BY number DESC LIMIT 1), 0) AS sealed`;

/** With the bounds as constants, so that the planner sees how few positions lie between them. */
const STANDINGS_AT = `
  WITH asked AS MATERIALIZED (SELECT key, id FROM account WHERE id = ANY($1::text[])), found AS (
    SELECT asked.id, kept.debits_pending AS dp, kept.debits_posted AS dpo, kept.credits_pending AS cp,
      kept.credits_posted AS cpo
    FROM asked CROSS JOIN LATERAL (
      SELECT * FROM account_history WHERE account = asked.key AND block <= $3 ORDER BY block DESC LIMIT 1
    ) AS kept
    UNION ALL
    SELECT asked.id, debits_pending, debits_posted, credits_pending, credits_posted
    FROM movement JOIN asked ON asked.key = movement.account
    WHERE position > $4 AND position <= $5 AND recorded_at <= $2
    UNION ALL
    SELECT asked.id, debits_pending, debits_posted, credits_pending, credits_posted
    FROM movement JOIN asked ON asked.key = movement.account WHERE position > $6 AND recorded_at <= $2
  )
  SELECT id AS key, sum(dp) AS dp, sum(dpo) AS dpo, sum(cp) AS cp, sum(cpo) AS cpo FROM found GROUP BY id`;

interface Bounds {
  readonly block: string;
  readonly after: string;
  readonly up_to: string;
  readonly sealed: string;
}

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
    const [bounds] = await this.database.query<Bounds>(BOUNDS_AT, [at]);
    invariant(bounds, 'bounds are one row');
    const rows = await this.database.query<StandingRow>(STANDINGS_AT, [
      accounts.map(({ id }) => id),
      at,
      bounds.block,
      bounds.after,
      bounds.up_to,
      bounds.sealed,
    ]);
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
