import { Database, sqlMigration } from '@openledger/persistence';
import { eventually, testDatabase } from '@openledger/testing';

/** Takes longer than {@link TIMEOUTS} allow a statement. */
const slowMigration = sqlMigration('Slow1700000000001', 'SELECT pg_sleep(0.5); CREATE TABLE thing (id int)');
const TIMEOUTS = { statementMs: 300, idleInTransactionMs: 300 };

describe('the timeouts of a database', () => {
  let url: string;
  let database: Database;
  let observer: Database;

  beforeAll(async () => {
    url = await testDatabase();
    const options = { url, migrations: [slowMigration], poolSize: 1 };
    database = await Database.open({ ...options, schema: 'hasty', timeouts: TIMEOUTS });
    observer = await Database.open({ url, schema: 'observer', migrations: [] });
  });
  afterAll(async () => {
    await observer?.close();
    await database?.close();
  });
  afterEach(async () => expect(await database.isReady()).toBe(true));

  it('do not end a migration, which may be long', async () => {
    expect(await database.query('SELECT * FROM thing')).toEqual([]);
  });

  it('end a statement that takes too long', async () => {
    const cancelled = expect.objectContaining({ code: '57014' });
    await expect(database.query('SELECT pg_sleep(30)')).rejects.toEqual(cancelled);
  });

  it('end a transaction that does nothing', async () => {
    const transaction = database.transaction(async (tx) => {
      const [session] = await tx.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      await eventually(async () => {
        const left = await observer.query('SELECT 1 FROM pg_stat_activity WHERE pid = $1', [session?.pid]);
        expect(left).toEqual([]);
      });
      await tx.query('INSERT INTO thing VALUES (1)');
    });
    await expect(transaction).rejects.toThrow();
    expect(await database.query('SELECT * FROM thing')).toEqual([]);
  });

  it('end the wait for a connection when all are taken', async () => {
    const patient = { schema: 'patient', migrations: [], poolSize: 1, timeouts: { connectMs: 2_000 } };
    const single = await Database.open({ url, ...patient });
    try {
      const refused = await single.transaction(async (tx) => {
        await tx.query('SELECT 1');
        return single.query('SELECT 1').catch((error: Error) => error.message);
      });
      expect(refused).toContain('timeout');
    } finally {
      await single.close();
    }
  });
});
