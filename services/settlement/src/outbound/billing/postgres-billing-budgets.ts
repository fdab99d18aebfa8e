import type { Transaction } from '@openledger/persistence';
import type { BudgetLedger, BudgetStanding } from '../../application/billing/billing-ports.js';
import type { Budget } from '../../domain/billing/budget.js';

export interface BudgetRow {
  readonly organisation_id: string;
  readonly monthly: string;
  readonly alert_percents: readonly number[];
}

/** Budgets, and what of them was told; spend is what metering summed up by months. */
export class PostgresBudgets implements BudgetLedger {
  constructor(private readonly tx: Transaction) {}

  async find(organisationId: string): Promise<Budget | undefined> {
    const sql = 'SELECT * FROM budget WHERE organisation_id = $1';
    const [row] = await this.tx.query<BudgetRow>(sql, [organisationId]);
    return row && toBudget(row);
  }

  async save(budget: Budget, now: Date): Promise<void> {
    await this.tx.query(
      `INSERT INTO budget (organisation_id, monthly, alert_percents, changed_at) VALUES ($1, $2, $3, $4)
       ON CONFLICT (organisation_id) DO UPDATE SET monthly = excluded.monthly,
         alert_percents = excluded.alert_percents, changed_at = excluded.changed_at`,
      [budget.organisationId, budget.monthlyWei.toString(), [...budget.alertPercents], now],
    );
  }

  async remove(organisationId: string): Promise<void> {
    await this.tx.query('DELETE FROM budget WHERE organisation_id = $1', [organisationId]);
  }

  async spent(organisationId: string, month?: string): Promise<bigint> {
    const [row] = await this.tx.query<{ spent: string | null }>(
      `SELECT sum(fee) AS spent FROM usage_month WHERE organisation_id = $1 AND ($2::date IS NULL OR month = $2)`,
      [organisationId, month === undefined ? null : firstDay(month)],
    );
    return BigInt(row?.spent ?? 0);
  }

  async untold(month: string, limit: number): Promise<BudgetStanding[]> {
    const rows = await this.tx.query<BudgetRow & { readonly spent: string }>(
      `SELECT budget.*, used.spent FROM budget
       CROSS JOIN LATERAL (
         SELECT sum(fee) AS spent FROM usage_month
         WHERE organisation_id = budget.organisation_id AND month = $1) AS used
       WHERE EXISTS (
         SELECT 1 FROM unnest(budget.alert_percents) AS percent
         WHERE used.spent * 100 >= budget.monthly * percent AND NOT EXISTS (
           SELECT 1 FROM budget_alert told
           WHERE told.organisation_id = budget.organisation_id AND told.month = $2 AND told.percent = percent.percent))
       ORDER BY organisation_id LIMIT $3`,
      [firstDay(month), month, limit],
    );
    return rows.map((row) => ({ budget: toBudget(row), spentWei: BigInt(row.spent) }));
  }

  async tell(organisationId: string, month: string, percent: number, now: Date): Promise<boolean> {
    const told = await this.tx.query(
      `INSERT INTO budget_alert (organisation_id, month, percent, told_at) VALUES ($1, $2, $3, $4)
       ON CONFLICT DO NOTHING RETURNING 1`,
      [organisationId, month, percent, now],
    );
    return told.length > 0;
  }
}

const firstDay = (month: string): string => `${month}-01`;

export const toBudget = (row: BudgetRow): Budget => ({
  organisationId: row.organisation_id,
  monthlyWei: BigInt(row.monthly),
  alertPercents: row.alert_percents,
});
