import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '@openledger/persistence/embedded';

/** Runs `work` beside a new PostgreSQL that syncs every commit to disk, as in production. */
export async function withDurablePostgres<T>(work: (postgres: EmbeddedPostgres) => Promise<T>): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), 'openledger-bench-'));
  const postgres = await startEmbeddedPostgres({ dir, durable: true });
  try {
    return await work(postgres);
  } finally {
    await postgres.stop();
    await rm(dir, { recursive: true, force: true });
  }
}
