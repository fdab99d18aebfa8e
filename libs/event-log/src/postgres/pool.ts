import pg from 'pg';

export interface PoolOptions {
  readonly url: string;
  readonly max: number;
  readonly onError: (error: unknown) => void;
  /** False lets a crash of the server undo the last commits. Default true. */
  readonly durable?: boolean;
  /** Of one statement, waits for locks included. Default {@link STATEMENT_TIMEOUT_MS}. */
  readonly statementTimeoutMs?: number;
}

const STATEMENT_TIMEOUT_MS = 60_000;
/** Wait for a connection, free or new. */
export const CONNECT_TIMEOUT_MS = 30_000;

/** Transactions may be idle: a released record's handler runs inside of one, for as long as it needs. */
export function openPool(options: PoolOptions): pg.Pool {
  const { url, max, onError, durable = true, statementTimeoutMs = STATEMENT_TIMEOUT_MS } = options;
  const pool = new pg.Pool({
    connectionString: url,
    max,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: statementTimeoutMs,
    ...(durable ? {} : { options: '-c synchronous_commit=off' }),
  });
  pool.on('error', onError);
  return pool;
}

/** A server that stops at the same moment makes idle connections fail while they end: that is no error. */
export async function closePool(pool: pg.Pool): Promise<void> {
  if (pool.ending) return;
  pool.removeAllListeners('error');
  pool.on('error', () => {});
  await pool.end();
}
