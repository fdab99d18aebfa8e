import pg from 'pg';
import type { EventRecord, ParkedRecord } from '../event-log.js';
import { BEHIND, type Outcome, type ParkedKey, ParkingLot } from '../parking-lot.js';
import { closePool, openPool } from './pool.js';
import { type RecordRow, recordOf } from './rows.js';
import { prepareSchema } from './schema.js';
import { lotStatements } from './statements.js';

export interface PostgresParkingLotOptions {
  readonly url: string;
  /** Default `event_log`. */
  readonly schema?: string;
  /** At least 2. Default 4; all but two may be held by deliveries of released records. */
  readonly poolSize?: number;
  readonly onError?: (error: unknown) => void;
}

type StoredRow = RecordRow & {
  readonly position: string;
  readonly released: boolean;
  readonly topic: string;
  readonly reason: string;
};

/** Parked records in a table; used by the Postgres log and, as Kafka has no place for them, by the Kafka log. */
export class PostgresParkingLot extends ParkingLot {
  private readonly sql: ReturnType<typeof lotStatements>;
  /** Connections that deliveries may hold for as long as a handler takes; the others stay free. */
  private idleDeliverers: number;

  private constructor(
    private readonly pool: pg.Pool,
    schema: string,
    poolSize: number,
  ) {
    super();
    this.sql = lotStatements(pg.escapeIdentifier(schema));
    this.idleDeliverers = Math.max(1, poolSize - 2);
  }

  static async open(options: PostgresParkingLotOptions): Promise<PostgresParkingLot> {
    const schema = options.schema ?? 'event_log';
    const poolSize = options.poolSize ?? 4;
    const { url, onError = console.error } = options;
    const pool = openPool({ url, max: poolSize, onError });
    try {
      await prepareSchema(pool, schema);
    } catch (error) {
      await closePool(pool);
      throw error;
    }
    return new PostgresParkingLot(pool, schema, poolSize);
  }

  async keysAmong(group: string, topic: string, keys: readonly string[]): Promise<Set<string>> {
    const { rows } = await this.pool.query<{ key: string }>({
      name: 'keys-among',
      text: this.sql.keysAmong,
      values: [group, topic, keys],
    });
    return new Set(rows.map((row) => row.key));
  }

  async park(group: string, topic: string, record: EventRecord, reason: string): Promise<void> {
    await this.pool.query(this.sql.park, values(group, topic, record, reason));
  }

  async parkBehind(group: string, topic: string, record: EventRecord): Promise<void> {
    await this.pool.query(this.sql.parkBehind, values(group, topic, record, BEHIND));
  }

  async release(group: string, topic: string, key: string): Promise<void> {
    await this.pool.query(this.sql.release, [group, topic, key]);
  }

  async releasedKeys(group: string, topics: readonly string[]): Promise<ParkedKey[]> {
    const { rows } = await this.pool.query<{ topic: string; key: string }>({
      name: 'released-keys',
      text: this.sql.releasedKeys,
      values: [group, topics],
    });
    return rows;
  }

  async deliverReleased(
    group: string,
    where: ParkedKey,
    deliver: (record: EventRecord) => Promise<Outcome>,
  ): Promise<boolean> {
    if (this.idleDeliverers === 0) return false;
    this.idleDeliverers--;
    try {
      return await this.inTransaction((client) =>
        this.deliverOldest(client, [group, where.topic, where.key], deliver),
      );
    } finally {
      this.idleDeliverers++;
    }
  }

  async list(group: string, limit: number): Promise<ParkedRecord[]> {
    const { rows } = await this.pool.query<StoredRow>(this.sql.list, [group, limit]);
    return rows.map((row) => ({ topic: row.topic, reason: row.reason, record: recordOf(row.topic, row) }));
  }

  async clear(group: string, topic: string): Promise<void> {
    await this.pool.query(this.sql.clear, [group, topic]);
  }

  close(): Promise<void> {
    return closePool(this.pool);
  }

  private async inTransaction<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await this.pool.connect();
    try {
      await client.query('BEGIN');
      const result = await work(client);
      await client.query('COMMIT');
      client.release();
      return result;
    } catch (error) {
      // Closing the connection rolls back, whatever state it is in.
      client.release(true);
      throw error;
    }
  }

  private async deliverOldest(
    client: pg.PoolClient,
    key: [string, string, string],
    deliver: (record: EventRecord) => Promise<Outcome>,
  ): Promise<boolean> {
    const lock = await client.query<{ locked: boolean }>(this.sql.lockKey, [JSON.stringify(key)]);
    if (lock.rows[0]?.locked !== true) return false;
    const [row] = (await client.query<StoredRow>(this.sql.oldest, key)).rows;
    if (row === undefined || !row.released) return false;
    const outcome = await deliver(recordOf(row.topic, row));
    if (outcome.kind === 'handled') await client.query(this.sql.drop, [row.position]);
    if (outcome.kind === 'failed') {
      await client.query(this.sql.reason, [row.position, outcome.reason]);
      await client.query(this.sql.hold, key);
    }
    return outcome.kind === 'handled';
  }
}

function values(group: string, topic: string, record: EventRecord, reason: string): unknown[] {
  const { id, key, source, occurredAt, traceparent, body } = record;
  return [group, topic, key, id, source, occurredAt, traceparent ?? null, Buffer.from(body), reason];
}
