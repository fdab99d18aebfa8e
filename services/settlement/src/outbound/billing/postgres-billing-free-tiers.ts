import type { Transaction } from '@openledger/persistence';
import type { FreeTierLedger } from '../../application/billing/billing-ports.js';
import type { FreeTier, Grant } from '../../domain/billing/free-tier.js';

interface TierRow {
  readonly organisation_id: string;
  readonly sponsor: string;
  readonly monthly: string;
}

interface GrantRow {
  readonly organisation_id: string;
  readonly month: string;
  readonly sponsor: string;
  readonly amount: string;
  readonly spent_before: string;
}

/** Free tiers and their grants; the money itself is in the ledger. */
export class PostgresFreeTiers implements FreeTierLedger {
  constructor(private readonly tx: Transaction) {}

  async save(tier: FreeTier, now: Date): Promise<void> {
    await this.tx.query(
      `INSERT INTO free_tier (organisation_id, sponsor, monthly, changed_at) VALUES ($1, $2, $3, $4)
       ON CONFLICT (organisation_id) DO UPDATE
         SET sponsor = excluded.sponsor, monthly = excluded.monthly, changed_at = excluded.changed_at`,
      [tier.organisationId, tier.sponsor, tier.monthlyWei.toString(), now],
    );
  }

  async isDue(organisationId: string, month: string): Promise<boolean> {
    const [row] = await this.tx.query<{ due: boolean }>(
      `SELECT EXISTS (
         SELECT 1 FROM free_grant WHERE organisation_id = $1 AND closed_at IS NULL AND month < $2
       ) OR EXISTS (
         SELECT 1 FROM free_tier WHERE organisation_id = $1 AND monthly > 0
           AND NOT EXISTS (SELECT 1 FROM free_grant WHERE organisation_id = $1 AND month >= $2)
       ) AS due`,
      [organisationId, month],
    );
    return row?.due ?? false;
  }

  async lock(organisationId: string): Promise<FreeTier | undefined> {
    const sql = 'SELECT * FROM free_tier WHERE organisation_id = $1 FOR UPDATE';
    const [row] = await this.tx.query<TierRow>(sql, [organisationId]);
    return row && { organisationId, sponsor: row.sponsor, monthlyWei: BigInt(row.monthly) };
  }

  async latestMonth(organisationId: string): Promise<string | undefined> {
    const [row] = await this.tx.query<{ month: string | null }>(
      'SELECT max(month) AS month FROM free_grant WHERE organisation_id = $1',
      [organisationId],
    );
    return row?.month ?? undefined;
  }

  async openBefore(organisationId: string, month: string): Promise<Grant[]> {
    const rows = await this.tx.query<GrantRow>(
      `SELECT * FROM free_grant WHERE organisation_id = $1 AND closed_at IS NULL AND month < $2 ORDER BY month`,
      [organisationId, month],
    );
    return rows.map(toGrant);
  }

  async insert(grant: Grant, now: Date): Promise<void> {
    await this.tx.query(
      `INSERT INTO free_grant (organisation_id, month, sponsor, amount, spent_before, granted_at)
       VALUES ($1, $2, $3, $4, $5, $6)`,
      [
        grant.organisationId,
        grant.month,
        grant.sponsor,
        grant.amountWei.toString(),
        grant.spentBeforeWei.toString(),
        now,
      ],
    );
  }

  async close({ organisationId, month }: Grant, returnedWei: bigint, now: Date): Promise<void> {
    await this.tx.query(
      'UPDATE free_grant SET returned = $3, closed_at = $4 WHERE organisation_id = $1 AND month = $2',
      [organisationId, month, returnedWei.toString(), now],
    );
  }
}

const toGrant = (row: GrantRow): Grant => ({
  organisationId: row.organisation_id,
  month: row.month,
  sponsor: row.sponsor,
  amountWei: BigInt(row.amount),
  spentBeforeWei: BigInt(row.spent_before),
});
