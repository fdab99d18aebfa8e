import { type EventRecord, startOutboxRelay } from '@openledger/event-log';
import { PostgresEventLog } from '@openledger/event-log/postgres';
import { derivedId } from '@openledger/kernel';
import { Database } from '@openledger/persistence';
import { CRASH_KEYS, CRASH_SCHEMA, CRASH_TOPIC, CreateCrashTables } from './tables.js';

/**
 * A service as small as one can be: it counts, emits each count, and stores an effect for each count it
 * hears of. It runs until it is killed. `node worker.js URL produce|drain`
 */
async function main(url: string, mode: string): Promise<void> {
  const database = await Database.open({ url, schema: CRASH_SCHEMA, migrations: [CreateCrashTables] });
  const eventLog = await PostgresEventLog.open({ url });
  await eventLog.createTopics([{ name: CRASH_TOPIC, partitions: 4 }]);
  startOutboxRelay({ database, eventLog, source: CRASH_SCHEMA, batchMax: 20 });
  await eventLog.subscribe({
    group: 'effects',
    topics: [CRASH_TOPIC],
    handle: async (record) => {
      const first = await database.once('effects', record.id, async (tx) => {
        await tx.query('INSERT INTO effect (event_id, key, number) VALUES ($1, $2, $3)', [
          record.id,
          record.key,
          numberOf(record),
        ]);
      });
      if (!first) await database.query('INSERT INTO repeated (event_id) VALUES ($1)', [record.id]);
    },
  });
  process.stdout.write('ready\n');
  if (mode === 'produce') await Promise.all(CRASH_KEYS.map((key) => count(database, key)));
}

async function count(database: Database, key: string): Promise<never> {
  for (;;) {
    await database.transaction(async (tx) => {
      const [row] = await tx.query<{ number: number }>(
        `INSERT INTO counter (key, number) VALUES ($1, 1)
         ON CONFLICT (key) DO UPDATE SET number = counter.number + 1 RETURNING number`,
        [key],
      );
      const number = row?.number ?? 0;
      const body = Buffer.from(JSON.stringify({ number }));
      await tx.emit({ id: derivedId(key, String(number)), topic: CRASH_TOPIC, key, body });
    });
  }
}

const numberOf = (record: EventRecord): number =>
  (JSON.parse(Buffer.from(record.body).toString('utf8')) as { number: number }).number;

const [, , url, mode] = process.argv;
if (url === undefined || mode === undefined) throw new Error('usage: worker.js URL produce|drain');
await main(url, mode);
