import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** One server per test run; every spec file makes a database of its own (`testDatabase`). */
export default async function startPostgres() {
  const { startEmbeddedPostgres } = await import('../../libs/persistence/dist/src/embedded/index.js');
  const dir = await mkdtemp(join(tmpdir(), 'openledger-test-'));
  const postgres = await startEmbeddedPostgres({ dir, durable: false });
  process.env.TEST_POSTGRES_URL = postgres.url;
  globalThis.testPostgres = { postgres, dir };
}
