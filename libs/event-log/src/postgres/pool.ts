import pg from 'pg';

export function openPool(url: string, max: number, onError: (error: unknown) => void): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max });
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
