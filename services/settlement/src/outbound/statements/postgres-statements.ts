import type { Database } from '@openledger/persistence';
import {
  type ModelEarning,
  type ModelUsage,
  type Movement,
  StatementSource,
} from '../../application/statements/write-statement.js';

/**
 * Only the blocks in which one of the accounts moved, of those that touch the time, and what no block holds yet. Fees and
 * splits are added up, anything rarer stays by what it was for.
 */
const MOVEMENTS = `
  WITH own AS (SELECT key FROM account WHERE id = ANY($1::text[])), spans AS (
    SELECT DISTINCT coalesce(before.last_position, 0) AS after, block.last_position AS up_to
    FROM account_history moved JOIN own ON own.key = moved.account JOIN block ON block.number = moved.block
      LEFT JOIN block before ON before.number = block.number - 1
    WHERE block.earliest_at <= $3 AND block.reached_at > $2
    UNION ALL
    SELECT coalesce(max(last_position), 0), 9223372036854775807 FROM block
  )
  SELECT reason, CASE WHEN reason IN ('fee', 'split') THEN '' ELSE reference END AS reference,
    sum(CASE WHEN credit IN (TABLE own) THEN amount::numeric ELSE -amount::numeric END) AS amount
  FROM spans JOIN transfer ON position > after AND position <= up_to
  WHERE recorded_at > $2 AND recorded_at <= $3 AND refusal IS NULL AND kind IN ('single', 'post')
    AND (credit IN (TABLE own)) <> (debit IN (TABLE own))
  GROUP BY 1, 2 ORDER BY min(position)`;

export class PostgresStatements extends StatementSource {
  constructor(private readonly database: Database) {
    super();
  }

  async movements(accountIds: readonly string[], from: Date, to: Date): Promise<Movement[]> {
    const rows = await this.database.query<{ reason: string; reference: string; amount: string }>(MOVEMENTS, [
      [...accountIds],
      from,
      to,
    ]);
    return rows
      .map(({ reason, reference, amount }) => ({ reason, reference, amountWei: BigInt(amount) }))
      .filter(({ amountWei }) => amountWei !== 0n);
  }

  async usage(organisationId: string, month: string): Promise<ModelUsage[]> {
    const rows = await this.database.query<
      Record<'name' | 'requests' | 'prompt' | 'completion' | 'fee', string>
    >(
      `SELECT coalesce(model.name, model_id) AS name, requests, prompt_tokens AS prompt, completion_tokens AS completion,
         fee
       FROM usage_month LEFT JOIN model ON model.id = model_id
       WHERE organisation_id = $1 AND month = $2::date ORDER BY name, model_id`,
      [organisationId, `${month}-01`],
    );
    return rows.map((row) => ({
      modelName: row.name,
      answers: Number(row.requests),
      promptTokens: Number(row.prompt),
      completionTokens: Number(row.completion),
      feeWei: BigInt(row.fee),
    }));
  }

  async earnings(payeeId: string, month: string): Promise<ModelEarning[]> {
    const rows = await this.database.query<Record<'name' | 'role' | 'answers' | 'amount', string>>(
      `SELECT coalesce(model.name, model_id) AS name, role, answers, amount
       FROM earning_month LEFT JOIN model ON model.id = model_id
       WHERE payee_id = $1 AND month = $2::date ORDER BY name, model_id, role`,
      [payeeId, `${month}-01`],
    );
    return rows.map((row) => ({
      modelName: row.name,
      role: row.role,
      answers: Number(row.answers),
      amountWei: BigInt(row.amount),
    }));
  }

  async nameOf(ownerId: string): Promise<string | undefined> {
    const [row] = await this.database.query<{ name: string }>('SELECT name FROM payee WHERE id = $1', [
      ownerId,
    ]);
    return row?.name;
  }
}
