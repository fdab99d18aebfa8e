import type pg from 'pg';
import { schemaSteps } from './statements.js';

/** Brings the schema up to date; concurrent starts wait for each other. */
export async function prepareSchema(pool: pg.Pool, schema: string): Promise<void> {
  const client = await pool.connect();
  const quoted = client.escapeIdentifier(schema);
  try {
    await client.query('BEGIN');
    await client.query('SET LOCAL statement_timeout = 0');
    await client.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`event-log:${schema}`]);
    await client.query(`CREATE SCHEMA IF NOT EXISTS ${quoted}`);
    await client.query(`CREATE TABLE IF NOT EXISTS ${quoted}.migration (step int PRIMARY KEY)`);
    const { rows } = await client.query<{ done: number }>(
      `SELECT count(*)::int AS done FROM ${quoted}.migration`,
    );
    const done = rows[0]?.done ?? 0;
    for (const [step, sql] of schemaSteps(quoted).entries()) {
      if (step < done) continue;
      await client.query(sql);
      await client.query(`INSERT INTO ${quoted}.migration (step) VALUES ($1)`, [step]);
    }
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {});
    throw error;
  } finally {
    client.release();
  }
}
