import { PostgresEventLog } from '@openledger/event-log/postgres';
import { newId } from '@openledger/kernel';
import pg from 'pg';
import { type Bench, median } from '../bench.js';
import { naiveRound } from './naive-log.js';
import { withDurablePostgres } from './server.js';

const ROUNDS = 3;
const EVENTS = 60_000;
const NAIVE_EVENTS = 4_000;
const BATCH = 500;
const PRODUCERS = 2;
const PARTITIONS = 12;
const KEYS = 500;
const BODY_BYTES = 400;

/** Appends and consumes at the same time; the clock stops when the group has committed everything. */
async function logRound(url: string, topic: string, body: Buffer): Promise<number> {
  const log = await PostgresEventLog.open({ url });
  try {
    await log.createTopics([{ name: topic, partitions: PARTITIONS }]);
    const consumed = new Set<string>();
    const done = Promise.withResolvers<void>();
    const consumer = await log.subscribe({
      group: 'bench',
      topics: [topic],
      handle: async (record) => {
        consumed.add(record.id);
        if (consumed.size === EVENTS) done.resolve();
      },
    });
    const startedAt = performance.now();
    let next = 0;
    const producer = async () => {
      while (next < EVENTS) {
        const first = next;
        next += BATCH;
        const records = Array.from({ length: BATCH }, (_, n) => ({
          id: newId(),
          type: topic,
          key: `key-${(first + n) % KEYS}`,
          source: 'bench',
          occurredAt: new Date(),
          body,
        }));
        await log.append(topic, records);
      }
    };
    await Promise.all(Array.from({ length: PRODUCERS }, producer));
    await done.promise;
    await consumer.close();
    const seconds = (performance.now() - startedAt) / 1_000;
    await expectAllCommitted(url, topic);
    return EVENTS / seconds;
  } finally {
    await log.close();
  }
}

async function expectAllCommitted(url: string, topic: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ committed: number }>(
    `SELECT sum(o.next_offset)::int AS committed FROM event_log.group_offset o
       JOIN event_log.topic t ON t.id = o.topic_id WHERE t.name = $1`,
    [topic],
  );
  await client.end();
  if (rows[0]?.committed !== EVENTS) throw new Error(`committed ${rows[0]?.committed} of ${EVENTS} events`);
}

export const eventlogThroughput: Bench = {
  name: 'eventlog.throughput',
  summary:
    'events appended and consumed per second by the Postgres log, beside per-row inserts and id polling',
  run: ({ log, peer }) =>
    withDurablePostgres(async (postgres) => {
      const url = await postgres.database('bench');
      const body = Buffer.alloc(BODY_BYTES, 'x');
      const ours: number[] = [];
      const naive: number[] = [];
      let skipped = 0;
      for (let round = 1; round <= ROUNDS; round++) {
        ours.push(await logRound(url, `bench.round.v${round}`, body));
        const other = await naiveRound(url, NAIVE_EVENTS, body);
        naive.push(other.eventsPerSecond);
        skipped += other.skipped;
        log(
          `round ${round}: log ${Math.round(ours.at(-1) ?? 0)}/s, naive ${Math.round(other.eventsPerSecond)}/s`,
        );
      }
      peer('per-row INSERT and polling of id > last', 'same PostgreSQL, same run');
      return {
        events_per_s: Math.round(median(ours)),
        naive_events_per_s: Math.round(median(naive)),
        ratio_vs_naive: Number((median(ours) / median(naive)).toFixed(2)),
        naive_events_skipped: skipped,
        events: EVENTS * ROUNDS,
        body_bytes: BODY_BYTES,
        partitions: PARTITIONS,
      };
    }),
};
