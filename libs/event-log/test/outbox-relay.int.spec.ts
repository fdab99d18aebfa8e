import { EventLog, type EventRecord, outboxStatements, startOutboxRelay } from '@openledger/event-log';
import { MemoryEventLog } from '@openledger/event-log/memory';
import { PostgresEventLog } from '@openledger/event-log/postgres';
import { newId } from '@openledger/kernel';
import { Database } from '@openledger/persistence';
import { eventually, testDatabase } from '@openledger/testing';

const TOPIC = 'thing.happened.v1';

describe('outbox relay', () => {
  let database: Database;
  let log: EventLog;
  let seen: EventRecord[];
  const closing: { close(): Promise<void> }[] = [];

  beforeEach(async () => {
    database = await Database.open({ url: await testDatabase(), schema: 'thing', migrations: [] });
    log = new MemoryEventLog();
    seen = [];
    await log.createTopics([{ name: TOPIC, partitions: 3 }]);
    await log.subscribe({ group: 'g', topics: [TOPIC], handle: async (record) => void seen.push(record) });
  });
  afterEach(async () => {
    for (const open of closing.splice(0)) await open.close();
    await log.close();
    await database.close();
  });

  const start = (options: object = {}) => {
    const relay = startOutboxRelay({ database, eventLog: log, source: 'thing', ...options });
    closing.push(relay);
    return relay;
  };
  const emit = (key: string, number: number) =>
    database.transaction((tx) =>
      tx.emit({ id: newId(), topic: TOPIC, key, body: Buffer.from(JSON.stringify({ number })) }),
    );
  const numbersOf = (key: string) =>
    seen
      .filter((record) => record.key === key)
      .map((record) => (JSON.parse(Buffer.from(record.body).toString()) as { number: number }).number);

  it('publishes what committed, at once, and nothing that rolled back', async () => {
    // Were it not woken, it would sleep longer than this test runs.
    start({ pollMs: 600_000 });
    await emit('a', 1);
    await eventually(() => expect(numbersOf('a')).toEqual([1]));
    const failed = database.transaction(async (tx) => {
      await tx.emit({ id: newId(), topic: TOPIC, key: 'a', body: Buffer.from('{"number":2}') });
      throw new Error('no');
    });
    await expect(failed).rejects.toThrow('no');
    await emit('a', 3);
    await eventually(() => expect(numbersOf('a')).toEqual([1, 3]));
    expect(seen[0]).toMatchObject({ source: 'thing', type: TOPIC, key: 'a' });
  });

  it('keeps the order of keys with several relays', async () => {
    for (let n = 0; n < 3; n++) start({ batchMax: 7, pollMs: 20 });
    const keys = ['a', 'b', 'c', 'd'];
    await Promise.all(
      keys.map(async (key) => {
        for (let n = 0; n < 40; n++) await emit(key, n);
      }),
    );
    await eventually(() => expect(seen).toHaveLength(160));
    for (const key of keys) expect(numbersOf(key)).toEqual(Array.from({ length: 40 }, (_, n) => n));
  });

  it('finds a row that commits after later ones were published', async () => {
    start({ pollMs: 20 });
    const gate = Promise.withResolvers<void>();
    const emitted = Promise.withResolvers<void>();
    const late = database.transaction(async (tx) => {
      await tx.emit({ id: newId(), topic: TOPIC, key: 'late', body: Buffer.from('{"number":1}') });
      emitted.resolve();
      await gate.promise;
    });
    await emitted.promise;
    await emit('early', 1);
    await eventually(() => expect(numbersOf('early')).toEqual([1]));
    gate.resolve();
    await late;
    await eventually(() => expect(numbersOf('late')).toEqual([1]));
  });

  it('holds on, and tells how far behind it is, while the log refuses', async () => {
    const errors: unknown[] = [];
    const broken = new MemoryEventLog();
    const relay = startOutboxRelay({
      database,
      eventLog: broken,
      source: 'thing',
      pollMs: 20,
      onError: (error) => errors.push(error),
    });
    closing.push(relay);
    await emit('a', 1);
    await emit('a', 2);
    await eventually(() => expect(String(errors[0])).toContain(TOPIC));
    expect((await relay.lag()).pending).toBe(2);
    expect((await relay.lag()).oldestMs).toBeGreaterThan(0);
    await broken.createTopics([{ name: TOPIC, partitions: 1 }]);
    await eventually(async () => expect(await relay.lag()).toEqual({ pending: 0, oldestMs: 0 }));
  });

  it('forgets published rows and handled ids after their days, and no others', async () => {
    await emit('old', 1);
    await database.once('g', newId(), async () => {});
    await database.query("UPDATE outbox SET published_at = now() - interval '5 days'");
    await database.query("UPDATE inbox SET handled_at = now() - interval '40 days'");
    await database.once('g', newId(), async () => {});
    await emit('new', 2);
    start({ publishedDays: 4, inboxDays: 30 });
    await eventually(async () => {
      expect(await database.query('SELECT key FROM outbox WHERE published_at IS NOT NULL')).toEqual([
        { key: 'new' },
      ]);
      expect(await database.query('SELECT 1 AS one FROM inbox')).toEqual([{ one: 1 }]);
    });
    expect(seen.map((record) => record.key)).toEqual(['new']);
  });

  it('polls and cleans by index', async () => {
    await database.query(`
      INSERT INTO outbox (id, topic, key, body, published_at)
      SELECT gen_random_uuid(), 't', 'k', '', CASE WHEN n % 1000 > 0 THEN now() - n * interval '1 minute' END
        FROM generate_series(1, 20000) AS n`);
    await database.query(`
      INSERT INTO inbox ("group", event_id, handled_at)
      SELECT 'g', gen_random_uuid(), now() - (200000 - n) * interval '1 minute' FROM generate_series(1, 200000) AS n`);
    await database.query('ANALYZE outbox');
    await database.query('ANALYZE inbox');
    const { unpublished, lag, forgetPublished, forgetHandled } = outboxStatements;
    const polled: [string, unknown[]][] = [
      [unpublished, [500]],
      [lag, [100]],
      [forgetPublished, [10, 100]],
      [forgetHandled, [138, 100]],
    ];
    for (const [text, values] of polled) {
      const rows = await database.query<{ 'QUERY PLAN': string }>(`EXPLAIN ${text}`, values);
      const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
      expect(plan).toMatch(/Index (Only )?Scan|Bitmap Index Scan/);
      expect(plan).not.toContain('Seq Scan');
    }
  });

  it('refuses a body that the log would refuse, while the transaction can still fail', async () => {
    const large = database.transaction((tx) =>
      tx.emit({ id: newId(), topic: TOPIC, key: 'a', body: Buffer.alloc(256 * 1024 + 1) }),
    );
    await expect(large).rejects.toThrow('outbox_body_check');
  });
});

describe('from one service to another', () => {
  it('runs the effect of an event once, however often it is delivered', async () => {
    const url = await testDatabase();
    const sender = await Database.open({ url, schema: 'sender', migrations: [] });
    const receiver = await Database.open({ url, schema: 'receiver', migrations: [] });
    const log = await PostgresEventLog.open({ url });
    await log.createTopics([{ name: TOPIC, partitions: 4 }]);
    const relay = startOutboxRelay({ database: sender, eventLog: log, source: 'sender' });
    let effects = 0;
    let deliveries = 0;
    const subscription = {
      group: 'receiver',
      topics: [TOPIC],
      handle: async (record: EventRecord) => {
        deliveries++;
        await receiver.once('receiver', record.id, async () => void effects++);
      },
    };
    const consumer = await log.subscribe(subscription);
    for (let n = 0; n < 25; n++) {
      await sender.transaction((tx) =>
        tx.emit({ id: newId(), topic: TOPIC, key: `k${n}`, body: Buffer.from('{}') }),
      );
    }
    await eventually(() => expect(effects).toBe(25));
    await consumer.close();
    await log.reset('receiver', TOPIC);
    await log.subscribe(subscription);
    await eventually(() => expect(deliveries).toBe(50));
    expect(effects).toBe(25);
    await relay.close();
    await log.close();
    await sender.close();
    await receiver.close();
  });
});
