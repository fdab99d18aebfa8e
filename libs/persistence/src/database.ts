import 'reflect-metadata';
import { DataSource } from 'typeorm';
import type { MigrationClass } from './migration.js';
import { CreateOutbox } from './outbox-migration.js';
import { type Row, rows, Transaction } from './transaction.js';

export interface DatabaseOptions {
  readonly url: string;
  /** One schema per service; nobody else reads it. */
  readonly schema: string;
  readonly migrations: readonly MigrationClass[];
  readonly poolSize?: number;
}

/** Serialisation failure and deadlock: the whole transaction is safe to run again. */
const RETRYABLE = new Set(['40001', '40P01']);
const ATTEMPTS_MAX = 5;

/** One service's schema: pool, migrations, and transactions that carry events with them. */
export class Database {
  private readonly emittedListeners = new Set<() => void>();

  private constructor(
    readonly schema: string,
    private readonly source: DataSource,
  ) {}

  /** Connects and brings the schema up to date; concurrent starts wait for each other. */
  static async open(options: DatabaseOptions): Promise<Database> {
    const source = new DataSource({
      type: 'postgres',
      url: options.url,
      schema: options.schema,
      poolSize: options.poolSize ?? 8,
      migrations: [CreateOutbox, ...options.migrations],
      migrationsTableName: 'migration',
      extra: { options: `-c search_path=${options.schema}`, application_name: options.schema },
    });
    await source.initialize();
    try {
      await migrate(source, options.schema);
    } catch (error) {
      await source.destroy();
      throw error;
    }
    return new Database(options.schema, source);
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

async function migrate(source: DataSource, schema: string): Promise<void> {
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
