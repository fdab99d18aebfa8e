import 'reflect-metadata';
import type { PoolConfig } from 'pg';
import { DataSource } from 'typeorm';
import { exactTypes } from './exact-types.js';
import type { MigrationClass } from './migration.js';
import { CreateOutbox } from './outbox-migration.js';
import { type Row, rows, Transaction } from './transaction.js';

export interface DatabaseOptions {
  readonly url: string;
  /** One schema per service; nobody else reads it. */
  readonly schema: string;
  readonly migrations: readonly MigrationClass[];
  readonly poolSize?: number;
  /** Migrations may take longer. */
  readonly timeouts?: DatabaseTimeouts;
}

/** A statement, a transaction or a server that hangs must not hold a connection for ever. */
export interface DatabaseTimeouts {
  /** Of one statement, waits for locks included. Default 60,000. */
  readonly statementMs?: number;
  /** Between two statements of a transaction. Default 60,000. */
  readonly idleInTransactionMs?: number;
  /** Wait for a connection, free or new. Default 30,000. */
  readonly connectMs?: number;
}

/** Serialisation failure and deadlock: the whole transaction is safe to run again. */
const RETRYABLE = new Set(['40001', '40P01']);
const ATTEMPTS_MAX = 5;
const TIMEOUTS = { statementMs: 60_000, idleInTransactionMs: 60_000, connectMs: 30_000 };
/** In one order everywhere, so that two batches with the same events never wait for each other in a circle. */
const RECORD_EVENTS = `
  INSERT INTO inbox ("group", event_id)
  SELECT $1, event_id FROM unnest($2::uuid[]) AS given (event_id) ORDER BY event_id
  ON CONFLICT DO NOTHING RETURNING event_id`;
/** One holds the lock, one migrates. */
const MIGRATION_CONNECTIONS = 2;

/** One service's schema: pool, migrations, and transactions that carry events with them. */
export class Database {
  private readonly emittedListeners = new Set<() => void>();

  private constructor(
    readonly schema: string,
    private readonly source: DataSource,
  ) {}

  /** Connects and brings the schema up to date; concurrent starts wait for each other. */
  static async open(options: DatabaseOptions): Promise<Database> {
    const { schema, poolSize = 8 } = options;
    const { statementMs, idleInTransactionMs, connectMs } = { ...TIMEOUTS, ...options.timeouts };
    await migrate(options, connectMs);
    const source = sourceOf(options, {
      max: poolSize,
      connectionTimeoutMillis: connectMs,
      statement_timeout: statementMs,
      idle_in_transaction_session_timeout: idleInTransactionMs,
    });
    await source.initialize();
    return new Database(schema, source);
  }

  /**
   * Runs `work` in one transaction and commits what it did together with the events it emitted.
   * Retried when Postgres reports a serialisation failure or a deadlock, so `work` must not have
   * effects outside the transaction.
   */
  async transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        const { result, emitted } = await this.source.transaction(async (manager) => {
          const tx = new Transaction((sql, params) => manager.query(sql, params));
          return { result: await work(tx), emitted: tx.hasEmitted };
        });
        if (emitted) for (const listener of this.emittedListeners) listener();
        return result;
      } catch (error) {
        if (attempt >= ATTEMPTS_MAX || !RETRYABLE.has(String((error as { code?: unknown }).code)))
          throw error;
      }
    }
  }

  /**
   * Runs `work` once per `(group, eventId)`, recording the event in the inbox within the same
   * transaction. Returns false, having done nothing, when the event was already handled.
   */
  once(group: string, eventId: string, work: (tx: Transaction) => Promise<void>): Promise<boolean> {
    return this.transaction(async (tx) => {
      const first = await tx.query(
        'INSERT INTO inbox ("group", event_id) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING 1',
        [group, eventId],
      );
      if (first.length === 0) return false;
      await work(tx);
      return true;
    });
  }

  /**
   * As {@link once}, for many events in one transaction: `work` is told which of them are new, and they are recorded with
   * what it did, or not at all. It runs where none is new, too, because a known id may come with other content. Answers
   * how many were new.
   */
  onceAll(
    group: string,
    eventIds: readonly string[],
    work: (tx: Transaction, fresh: ReadonlySet<string>) => Promise<void>,
  ): Promise<number> {
    return this.transaction(async (tx) => {
      const first = await tx.query<{ event_id: string }>(RECORD_EVENTS, [group, [...eventIds]]);
      const fresh = new Set(first.map((row) => row.event_id));
      await work(tx, fresh);
      return fresh.size;
    });
  }

  /** Calls `listener` after each commit that queued events; returns what ends that. */
  onEmitted(listener: () => void): () => void {
    this.emittedListeners.add(listener);
    return () => this.emittedListeners.delete(listener);
  }

  /** One statement outside a transaction: for reads. */
  query<R extends object = Row>(sql: string, params: readonly unknown[] = []): Promise<R[]> {
    return this.source.query(sql, [...params]).then(rows<R>);
  }

  /** True while the server answers. */
  async isReady(): Promise<boolean> {
    return this.query('SELECT 1').then(
      () => true,
      () => false,
    );
  }

  close(): Promise<void> {
    return this.source.destroy();
  }
}

function sourceOf({ url, schema, migrations }: DatabaseOptions, pool: PoolConfig): DataSource {
  return new DataSource({
    type: 'postgres',
    url,
    schema,
    migrations: [CreateOutbox, ...migrations],
    migrationsTableName: 'migration',
    extra: { ...pool, types: exactTypes, options: `-c search_path=${schema}`, application_name: schema },
  });
}

async function migrate(options: DatabaseOptions, connectMs: number): Promise<void> {
  const pool = { max: MIGRATION_CONNECTIONS, connectionTimeoutMillis: connectMs };
  const source = sourceOf(options, pool);
  await source.initialize();
  try {
    await migrateUnderLock(source, options.schema);
  } finally {
    await source.destroy();
  }
}

async function migrateUnderLock(source: DataSource, schema: string): Promise<void> {
  const runner = source.createQueryRunner();
  try {
    // The lock spans the schema's creation too: two replicas may start at once.
    await runner.query('SELECT pg_advisory_lock(hashtext($1))', [`migrate:${schema}`]);
    await runner.query(`CREATE SCHEMA IF NOT EXISTS "${schema}"`);
    await source.runMigrations({ transaction: 'each' });
  } finally {
    await runner
      .query('SELECT pg_advisory_unlock(hashtext($1))', [`migrate:${schema}`])
      .catch(() => undefined);
    await runner.release();
  }
}
