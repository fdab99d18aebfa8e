import type { Transaction } from '@openledger/persistence';
import type { Answer, Answers, RefusedEvent, Usage } from '../../application/metering/answer-ports.js';
import { completionOf, insertionOf } from './answer-columns.js';
import { type AnswerRow, toAnswer } from './answer-row.js';

/** In one order everywhere, as accounts are locked. */
const ADD_USAGE = `
  INSERT INTO usage_month AS known (organisation_id, month, model_id, requests, prompt_tokens, cached_tokens,
    completion_tokens, fee)
  SELECT * FROM unnest($1::text[], $2::date[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],
    $8::numeric[]) AS given (organisation_id, month, model_id)
  ORDER BY organisation_id, month, model_id
  ON CONFLICT (organisation_id, month, model_id) DO UPDATE SET
    requests = known.requests + excluded.requests,
    prompt_tokens = known.prompt_tokens + excluded.prompt_tokens,
    cached_tokens = known.cached_tokens + excluded.cached_tokens,
    completion_tokens = known.completion_tokens + excluded.completion_tokens,
    fee = known.fee + excluded.fee`;

const SUM_EARNINGS = `
  WITH batch AS (
    DELETE FROM unsummed_batch WHERE credit_batch IN (
      SELECT credit_batch FROM unsummed_batch ORDER BY credit_batch LIMIT $1 FOR UPDATE SKIP LOCKED)
    RETURNING credit_batch
  ), summed AS (
    INSERT INTO earning_month AS known (payee_id, month, model_id, role, answers, amount)
    SELECT part.payee_id, date_trunc('month', credited_at AT TIME ZONE 'UTC')::date AS month, model_id, part.role,
      count(*), sum(part.amount)
    FROM batch JOIN request USING (credit_batch)
      CROSS JOIN LATERAL unnest(part_payees, part_roles, part_amounts) AS part (payee_id, role, amount)
    WHERE part.payee_id <> '' AND part.amount > 0
    GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
    ON CONFLICT (payee_id, month, model_id, role) DO UPDATE SET
      answers = known.answers + excluded.answers, amount = known.amount + excluded.amount
  )
  SELECT count(*)::int AS batches FROM batch`;

interface RefusedRow {
  readonly event_id: string;
  readonly request_id: string;
  readonly code: RefusedEvent['code'];
  readonly seen_at: Date;
}

/** Answers, one row each, and the sums over them that statements read. */
export class PostgresAnswers implements Answers {
  constructor(private readonly tx: Transaction) {}

  async lock(ids: readonly string[]): Promise<ReadonlyMap<string, Answer>> {
    const rows = await this.tx.query<AnswerRow>(
      'SELECT * FROM request WHERE id = ANY($1::text[]) ORDER BY id FOR UPDATE',
      [[...new Set(ids)]],
    );
    return new Map(rows.map((row) => [row.id, toAnswer(row)]));
  }

  async insert(answers: readonly Answer[]): Promise<void> {
    if (answers.length === 0) return;
    const { sql, parameters } = insertionOf(answers);
    const inserted = await this.tx.query(sql, parameters);
    if (inserted.length < answers.length) throw arrivedMeanwhile();
  }

  async complete(answers: readonly Answer[]): Promise<void> {
    if (answers.length === 0) return;
    const { sql, parameters } = completionOf(answers);
    await this.tx.query(sql, parameters);
  }

  async lockUnmetered(modelId: string, limit: number): Promise<Answer[]> {
    const rows = await this.tx.query<AnswerRow>(
      `SELECT * FROM request WHERE model_id = $1 AND served_at IS NOT NULL AND fee IS NULL
       ORDER BY id LIMIT $2 FOR UPDATE`,
      [modelId, limit],
    );
    return rows.map(toAnswer);
  }

  async addUsage(usage: readonly Usage[]): Promise<void> {
    if (usage.length === 0) return;
    await this.tx.query(ADD_USAGE, [
      usage.map(({ organisationId }) => organisationId),
      usage.map(({ month }) => month),
      usage.map(({ modelId }) => modelId),
      usage.map(({ requests }) => requests),
      usage.map(({ promptTokens }) => promptTokens),
      usage.map(({ cachedTokens }) => cachedTokens),
      usage.map(({ completionTokens }) => completionTokens),
      usage.map(({ feeWei }) => feeWei.toString()),
    ]);
  }

  async queueEarnings(creditBatchId: string): Promise<void> {
    await this.tx.query('INSERT INTO unsummed_batch (credit_batch) VALUES ($1)', [creditBatchId]);
  }

  async sumEarnings(limit: number): Promise<number> {
    const [row] = await this.tx.query<{ batches: number }>(SUM_EARNINGS, [limit]);
    return row?.batches ?? 0;
  }

  async refuse(events: readonly RefusedEvent[]): Promise<void> {
    if (events.length === 0) return;
    await this.tx.query(
      `INSERT INTO refused_event (event_id, request_id, code, seen_at)
       SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[]) ON CONFLICT DO NOTHING`,
      [
        events.map(({ eventId }) => eventId),
        events.map(({ requestId }) => requestId),
        events.map(({ code }) => code),
        events.map(({ seenAt }) => seenAt),
      ],
    );
  }

  async refused(limit: number): Promise<RefusedEvent[]> {
    const rows = await this.tx.query<RefusedRow>(
      'SELECT * FROM refused_event ORDER BY seen_at DESC, event_id LIMIT $1',
      [limit],
    );
    return rows.map((row) => ({
      eventId: row.event_id,
      requestId: row.request_id,
      code: row.code,
      seenAt: row.seen_at,
    }));
  }
}

/** SQLSTATE of a serialisation failure: the transaction is run again, and finds the rows. */
const arrivedMeanwhile = (): Error =>
  Object.assign(new Error('an answer of this batch arrived meanwhile'), { code: '40001' });
