import pg from 'pg';

export interface PoolOptions {
  readonly url: string;
  readonly max: number;
  readonly onError: (error: unknown) => void;
  /** False lets a crash of the server undo the last commits. Default true. */
  readonly durable?: boolean;
}

export function openPool({ url, max, onError, durable = true }: PoolOptions): pg.Pool {
  const options = durable ? {} : { options: '-c synchronous_commit=off' };
  const pool = new pg.Pool({ connectionString: url, max, ...options });
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
