import type pg from 'pg';
import type { logStatements } from './statements.js';

const DELETE_MAX = 1_000;
const DAY_MS = 86_400_000;

/** Deletes expired records in small steps, so that appenders and readers are not held up. */
export async function expireRecords(
  pool: pg.Pool,
  sql: ReturnType<typeof logStatements>,
  now: Date,
): Promise<number> {
  const { rows } = await pool.query<{ id: number; retention_days: number; partition: number }>(sql.expiring);
  let total = 0;
  for (const { id, retention_days: days, partition } of rows) {
    const before = new Date(now.getTime() - days * DAY_MS);
    let deleted = DELETE_MAX;
    while (deleted === DELETE_MAX) {
      deleted = (await pool.query(sql.expire, [id, partition, before, DELETE_MAX])).rowCount ?? 0;
      total += deleted;
    }
  }
  return total;
}
