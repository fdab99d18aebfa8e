import { Worker } from 'node:worker_threads';
import {
  lockStatements,
  logStatements,
  lotStatements,
  PostgresEventLog,
  PostgresParkingLot,
} from '@openledger/event-log/postgres';
import { eventually, testDatabase } from '@openledger/testing';
import { eventOf, eventsOf, Seen } from '@openledger/testing/event-log-contract';
import pg from 'pg';

const TOPIC = 'thing.happened.v1';

describe('Postgres log', () => {
  let url: string;
  let log: PostgresEventLog;
  let client: pg.Client;
  const errors: unknown[] = [];

  beforeEach(async () => {
    url = await testDatabase();
    log = await PostgresEventLog.open({ url, onError: (error) => errors.push(error) });
    client = new pg.Client({ connectionString: url });
    await client.connect();
    await log.createTopics([{ name: TOPIC, partitions: 4, retentionDays: 7 }]);
  });
  afterEach(async () => {
    await log.close();
    await client.end();
  });

  it('gives dense offsets to appenders that run at once', async () => {
    await Promise.all(
      Array.from({ length: 20 }, (_, n) => log.append(TOPIC, eventsOf(TOPIC, 37, 9 + (n % 5)))),
    );
    const { rows } = await client.query(`
      SELECT partition, count(*)::int AS n, min("offset")::int AS low, max("offset")::int AS high
        FROM event_log.record GROUP BY partition ORDER BY partition`);
    expect(rows.reduce((sum, row) => sum + row.n, 0)).toBe(740);
    for (const row of rows) expect([row.low, row.high]).toEqual([0, row.n - 1]);
  });

  it('goes on, losing nothing, after the connection that holds its locks breaks', async () => {
    const seen = new Seen();
    await log.subscribe({ group: 'g', topics: [TOPIC], handle: seen.handle });
    await log.append(TOPIC, eventsOf(TOPIC, 50, 10));
    await eventually(() => expect(seen.ids.size).toBe(50));
    await client.query(`
      SELECT pg_terminate_backend(pid) FROM pg_locks
       WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`);
    await log.append(TOPIC, eventsOf(TOPIC, 50, 10));
    await eventually(() => expect(seen.ids.size).toBe(100));
    await eventually(async () => {
      const { rows } = await client.query(lockStatements.members, [[0]]);
      expect(rows).toEqual([]);
      expect(await heldLocks()).toBe(5);
    });
  });

  it('gives the partitions of a member that dies to another', async () => {
    await log.append(TOPIC, eventsOf(TOPIC, 40, 20));
    const workerData = { url, topic: TOPIC };
    const dying = new Worker(new URL('./hanging-member.js', import.meta.url), { workerData });
    let hanging = 0;
    dying.on('message', () => hanging++);
    await eventually(() => expect(hanging).toBe(4));
    const seen = new Seen();
    await log.subscribe({ group: 'g', topics: [TOPIC], handle: seen.handle });
    // Two members and four partitions: the new one announced itself, but the old one cannot let go.
    await eventually(async () => expect(await heldLocks()).toBe(6));
    expect(seen.records).toEqual([]);
    await dying.terminate();
    await eventually(() => expect(seen.ids.size).toBe(40));
  });

  it('deletes what is older than the topic keeps it', async () => {
    await log.append(TOPIC, eventsOf(TOPIC, 30, 10));
    await client.query(
      'UPDATE event_log.record SET appended_at = now() - interval \'8 days\' WHERE "offset" < 2',
    );
    const { rows } = await client.query(
      'SELECT count(*)::int AS old FROM event_log.record WHERE "offset" < 2',
    );
    expect(await log.sweep()).toBe(rows[0].old);
    expect(await log.sweep()).toBe(0);
    const seen = new Seen();
    await log.subscribe({ group: 'g', topics: [TOPIC], handle: seen.handle });
    await eventually(() => expect(seen.ids.size).toBe(30 - rows[0].old));
  });

  it('reads by index in every statement that is polled or runs per batch', async () => {
    await log.append(TOPIC, eventsOf(TOPIC, 4_000, 50));
    const lot = await PostgresParkingLot.open({ url });
    await lot.park('g', TOPIC, eventOf(TOPIC, 'poison', 'x'), 'test');
    await lot.close();
    await client.query(`
      INSERT INTO event_log.parked ("group", topic, key, released, id, source, occurred_at, body, reason)
      SELECT 'g' || n % 50, '${TOPIC}', 'k' || n, n % 500 = 0, gen_random_uuid(), 's', now(), '', 'r'
        FROM generate_series(1, 5000) AS n`);
    await client.query('ANALYZE event_log.record; ANALYZE event_log.parked');
    const sql = { ...logStatements('event_log'), ...lotStatements('event_log') };
    const polled: [string, unknown[]][] = [
      [sql.fetch, [1, 0, 10, 500, 4_194_304]],
      [sql.expire, [1, 0, new Date(), 1_000]],
      [sql.keysAmong, ['g7', TOPIC, ['k1', 'k2']]],
      [sql.releasedKeys, ['g7', [TOPIC]]],
      [sql.oldest, ['g7', TOPIC, 'k7']],
      [sql.list, ['g7', 100]],
    ];
    for (const [text, values] of polled) {
      const { rows } = await client.query<{ 'QUERY PLAN': string }>(`EXPLAIN ${text}`, values);
      const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
      expect(plan).toMatch(/Index (Only )?Scan/);
      expect(plan).not.toContain('Seq Scan');
    }
  });

  async function heldLocks(): Promise<number> {
    const { rows } = await client.query<{ n: number }>(`
      SELECT count(*)::int AS n FROM pg_locks WHERE locktype = 'advisory'
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`);
    return rows[0]?.n ?? 0;
  }
});
