import pg from 'pg';
import type { Subscription, TopicSpec } from '../event-log.js';
import { type Consumer, EventLog, type EventRecord, type ParkedRecord } from '../event-log.js';
import { partitionOf } from '../partitioner.js';
import { checkRecords, groupRunning, inBatches, partitionsDiffer, unknownTopic } from '../records.js';
import { LockSession, lockKey } from './lock-session.js';
import { Notifier } from './notifier.js';
import { PartitionReader, type TopicRow } from './partition-reader.js';
import { closePool, openPool } from './pool.js';
import { PostgresConsumer } from './postgres-consumer.js';
import { PostgresParkingLot } from './postgres-parking-lot.js';
import { expireRecords } from './retention.js';
import { lockStatements, logStatements } from './statements.js';

export interface PostgresEventLogOptions {
  readonly url: string;
  /** Default `event_log`. */
  readonly schema?: string;
  /** Default 8, half of them for readers; one more listens and holds locks, and the parking lot has up to 4. */
  readonly poolSize?: number;
  /** Told of infrastructure errors, which are retried. Default: console.error. */
  readonly onError?: (error: unknown) => void;
}

interface Parts {
  readonly schema: string;
  readonly pool: pg.Pool;
  readonly readers: pg.Pool;
  readonly locks: LockSession;
  readonly lot: PostgresParkingLot;
  readonly onError: (error: unknown) => void;
}

const SWEEP_EVERY_MS = 3_600_000;
const CHECK = 'check';

/** The embedded log: a table with a locked head row per partition. */
export class PostgresEventLog extends EventLog {
  private readonly topics = new Map<string, TopicRow>();
  private readonly consumers = new Set<PostgresConsumer>();
  private readonly sweeper: NodeJS.Timeout;

  private readonly sql: ReturnType<typeof logStatements>;
  private readonly reader: PartitionReader;
  private readonly notifier: Notifier;

  private constructor(private readonly parts: Parts) {
    super();
    const { schema, pool, readers, locks, onError } = parts;
    this.sql = logStatements(pg.escapeIdentifier(schema));
    this.reader = new PartitionReader(readers, this.sql);
    this.notifier = new Notifier(pool, schema, onError);
    this.sweeper = setInterval(() => void this.sweep().catch(onError), SWEEP_EVERY_MS).unref();
    locks.onNotification = (payload) => this.hear(payload);
    locks.onLost = () => {
      for (const consumer of this.consumers) consumer.revoke();
    };
  }

  static async open(options: PostgresEventLogOptions): Promise<PostgresEventLog> {
    const { url, schema = 'event_log', onError = console.error } = options;
    const lot = await PostgresParkingLot.open({ url, schema, onError });
    try {
      const locks = await LockSession.open({ url, channel: schema, onError });
      const max = Math.max(1, (options.poolSize ?? 8) >> 1);
      const pool = openPool({ url, max, onError });
      // What a crash of the server takes from the readers' commits is delivered again, as promised.
      const readers = openPool({ url, max, onError, durable: false });
      return new PostgresEventLog({ schema, pool, readers, locks, lot, onError });
    } catch (error) {
      await lot.close();
      throw error;
    }
  }

  async createTopics(topics: readonly TopicSpec[]): Promise<void> {
    for (const { name, partitions, retentionDays } of topics) {
      const { rows } = await this.parts.pool.query<{ partitions: number }>(this.sql.addTopic, [
        name,
        partitions,
        retentionDays ?? null,
      ]);
      const has = rows[0]?.partitions ?? partitions;
      if (has !== partitions) throw partitionsDiffer(name, has, partitions);
    }
  }

  async append(topic: string, records: readonly EventRecord[]): Promise<void> {
    const [row] = await this.find([topic]);
    checkRecords(topic, records);
    if (row === undefined || records.length === 0) return;
    for (const batch of inBatches(records)) {
      await this.parts.pool.query({
        name: 'append',
        text: this.sql.append,
        values: appendValues(row, batch),
      });
    }
    this.hear(topic);
    this.notifier.send(topic);
  }

  async subscribe(subscription: Subscription): Promise<Consumer> {
    const topics = await this.find(subscription.topics);
    await this.parts.pool.query(this.sql.join, [
      subscription.group,
      topics.map(({ id }) => id),
      subscription.from === 'latest',
    ]);
    const consumer = new PostgresConsumer(subscription, topics, {
      ...this.parts,
      reader: this.reader,
      announce: () => this.tell(CHECK),
      onClosed: (closed) => this.consumers.delete(closed),
    });
    this.consumers.add(consumer);
    return consumer;
  }

  parked(group: string, limit = 100): Promise<ParkedRecord[]> {
    return this.parts.lot.list(group, limit);
  }

  async releaseParked(group: string, topic: string, key: string): Promise<void> {
    await this.parts.lot.release(group, topic, key);
    this.tell(CHECK);
  }

  async reset(group: string, topic: string): Promise<void> {
    const [row] = await this.find([topic]);
    if (row === undefined) return;
    const client = await this.parts.pool.connect();
    try {
      await client.query('BEGIN');
      for (let partition = 0; partition < row.partitions; partition++) {
        const { rows } = await client.query<{ locked: boolean }>(lockStatements.tryForTransaction, [
          lockKey(this.parts.schema, group, topic, partition),
        ]);
        if (rows[0]?.locked !== true) throw groupRunning(group, topic);
      }
      await client.query(this.sql.rewind, [group, row.id]);
      await this.parts.lot.clear(group, topic);
      await client.query('COMMIT');
    } catch (error) {
      await client.query('ROLLBACK').catch(this.parts.onError);
      throw error;
    } finally {
      client.release();
    }
  }

  /** Deletes what is older than its topic keeps records; runs by itself every hour. Returns how many. */
  sweep(now: Date = new Date()): Promise<number> {
    return expireRecords(this.parts.pool, this.sql, now);
  }

  async close(): Promise<void> {
    clearInterval(this.sweeper);
    await Promise.all([...this.consumers].map((consumer) => consumer.close()));
    await this.notifier.close();
    await this.parts.locks.close();
    await this.parts.lot.close();
    await closePool(this.parts.readers);
    await closePool(this.parts.pool);
  }

  private async find(names: readonly string[]): Promise<TopicRow[]> {
    const missing = names.filter((name) => !this.topics.has(name));
    if (missing.length > 0) {
      const { rows } = await this.parts.pool.query<TopicRow>(this.sql.topics, [missing]);
      for (const row of rows) this.topics.set(row.name, row);
    }
    return names.map((name) => {
      const topic = this.topics.get(name);
      if (topic === undefined) throw unknownTopic(name);
      return topic;
    });
  }

  private tell(payload: string): void {
    this.hear(payload);
    this.notifier.send(payload);
  }

  private hear(payload: string): void {
    for (const consumer of this.consumers) {
      if (payload === CHECK) consumer.check();
      else consumer.wake(payload);
    }
  }
}

function appendValues(topic: TopicRow, records: readonly EventRecord[]): unknown[] {
  const inPartition = new Map<number, number>();
  const columns: (number | string | null)[][] = [[], [], [], [], [], [], [], [], []];
  let start = 1;
  for (const record of records) {
    const partition = partitionOf(record.key, topic.partitions);
    const nth = inPartition.get(partition) ?? 0;
    inPartition.set(partition, nth + 1);
    const { id, key, source, occurredAt, traceparent, body } = record;
    const row = [
      partition,
      nth,
      id,
      key,
      source,
      occurredAt.getTime(),
      traceparent ?? null,
      start,
      body.byteLength,
    ];
    for (const [column, value] of row.entries()) columns[column]?.push(value);
    start += body.byteLength;
  }
  return [topic.id, ...columns, Buffer.concat(records.map(({ body }) => body))];
}
