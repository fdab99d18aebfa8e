import type { Database } from '@openledger/persistence';
import {
  BillingQueries,
  type BudgetReport,
  type CreditNotePlace,
  type FreeTierReport,
} from '../../application/billing/billing-queries.js';
import type { PriceVersion } from '../../domain/billing/price.js';
import type { CreditNote } from '../../domain/billing/refund.js';
import { leased, payer, sponsor } from '../../domain/ledger/accounts.js';
import { greater } from '../../domain/ledger/standing.js';
import { type BudgetRow, toBudget } from './postgres-billing-budgets.js';
import { type PriceVersionRow, toPriceVersion } from './postgres-billing-prices.js';
import { type CreditNoteRow, toCreditNote } from './postgres-billing-refunds.js';

/** What is on lease of an organisation, and what is held: `$2` and `$3` name its accounts. */
const SET_ASIDE = `
  (SELECT coalesce(sum(CASE id WHEN $2 THEN debits_pending ELSE credits_posted - debits_posted END), 0)
   FROM account WHERE id IN ($2, $3)) AS set_aside`;

/** Reads of settlement's schema. */
export class PostgresBillingQueries extends BillingQueries {
  constructor(private readonly database: Database) {
    super();
  }

  async prices(modelId: string): Promise<PriceVersion[]> {
    const sql = 'SELECT * FROM price_version WHERE model_id = $1';
    return (await this.database.query<PriceVersionRow>(sql, [modelId])).map(toPriceVersion);
  }

  async budget(organisationId: string, month: string): Promise<BudgetReport | undefined> {
    const [row] = await this.database.query<
      BudgetRow & { spent: string; set_aside: string; told: readonly number[] }
    >(
      `SELECT budget.*, ${SET_ASIDE},
         (SELECT coalesce(sum(fee), 0) FROM usage_month WHERE organisation_id = $1 AND month = $4::date) AS spent,
         ARRAY(SELECT percent FROM budget_alert WHERE organisation_id = $1 AND month = $5 ORDER BY percent) AS told
       FROM budget WHERE organisation_id = $1`,
      [organisationId, payer(organisationId).id, leased(organisationId).id, `${month}-01`, month],
    );
    if (!row) return undefined;
    return {
      budget: toBudget(row),
      spentWei: BigInt(row.spent),
      setAsideWei: BigInt(row.set_aside),
      toldPercents: row.told,
    };
  }

  async freeTier(organisationId: string): Promise<FreeTierReport | undefined> {
    const [row] = await this.database.query<{
      sponsor: string;
      monthly: string;
      month: string | null;
      amount: string;
      spent_before: string;
      returned: string | null;
      spent: string;
    }>(
      `SELECT free_tier.sponsor, monthly, month, amount, spent_before, returned,
         (SELECT coalesce(sum(fee), 0) FROM usage_month WHERE organisation_id = $1) AS spent
       FROM free_tier LEFT JOIN free_grant USING (organisation_id)
       WHERE organisation_id = $1 ORDER BY month DESC LIMIT 1`,
      [organisationId],
    );
    if (!row) return undefined;
    const tier = { organisationId, sponsor: row.sponsor, monthlyWei: BigInt(row.monthly) };
    if (row.month === null) return { tier };
    const amountWei = BigInt(row.amount);
    const usedWei = BigInt(row.spent) - BigInt(row.spent_before);
    const unspentWei = row.returned === null ? greater(0n, amountWei - usedWei) : 0n;
    return { tier, grant: { month: row.month, amountWei, unspentWei } };
  }

  async sponsorWei(name: string): Promise<bigint> {
    const [row] = await this.database.query<{ available: string }>(
      'SELECT credits_posted - debits_posted - debits_pending AS available FROM account WHERE id = $1',
      [sponsor(name).id],
    );
    return BigInt(row?.available ?? 0);
  }

  async creditNotes(
    organisationId: string,
    before: CreditNotePlace | undefined,
    limit: number,
  ): Promise<CreditNote[]> {
    const rows = await this.database.query<CreditNoteRow>(
      `SELECT * FROM credit_note
       WHERE organisation_id = $1 AND ($2::int IS NULL OR (year, number) < ($2, $3::int))
       ORDER BY year DESC, number DESC LIMIT $4`,
      [organisationId, before?.year ?? null, before?.number ?? null, limit],
    );
    return rows.map(toCreditNote);
  }
}
