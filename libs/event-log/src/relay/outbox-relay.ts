import { setTimeout as pause } from 'node:timers/promises';
import type { Database, Transaction } from '@openledger/persistence';
import type { EventLog, EventRecord } from '../event-log.js';
import { BATCH_BYTES_MAX, BATCH_RECORDS_MAX } from '../records.js';
import { WakeUp } from '../wake-up.js';
import { outboxStatements as sql } from './statements.js';

export interface OutboxRelayOptions {
  readonly database: Database;
  readonly eventLog: EventLog;
  /** The service, as consumers see it in {@link EventRecord.source}. */
  readonly source: string;
  /** Safety poll; commits of this process wake the relay at once. Default 1,000. */
  readonly pollMs?: number;
  /** Rows published per transaction. Default and most 500. */
  readonly batchMax?: number;
  /** Days that published rows are kept. Default 3. */
  readonly publishedDays?: number;
  /**
   * Days that the ids of handled events are kept. Default for ever: a replay of events older than this
   * repeats their effects.
   */
  readonly inboxDays?: number;
  /** Told of errors, which are retried. Default: console.error. */
  readonly onError?: (error: unknown) => void;
}

export interface OutboxLag {
  /** Rows waiting, counted up to 10,001. */
  readonly pending: number;
  readonly oldestMs: number;
}

export interface OutboxRelay {
  wake(): void;
  lag(): Promise<OutboxLag>;
  /** Resolves when nothing is being published any more. */
  close(): Promise<void>;
}

interface OutboxRow {
  readonly position: string;
  readonly id: string;
  readonly topic: string;
  readonly key: string;
  readonly body: Buffer;
  readonly created_at: Date;
}

const LAG_COUNT_MAX = 10_001;
const BACKOFF_MIN_MS = 200;
const BACKOFF_MAX_MS = 30_000;
const CLEAN_EVERY_MS = 600_000;
const CLEAN_ROWS_MAX = 1_000;

/**
 * Appends what the service's transactions emitted, in the order of its outbox, at least once. Rows are
 * marked in the transaction that holds the lead, so several replicas may run one and a crash repeats
 * records instead of losing them.
 */
export function startOutboxRelay(options: OutboxRelayOptions): OutboxRelay {
  return new Relay(options);
}

class Relay implements OutboxRelay {
  private readonly wakeUp = new WakeUp();
  private readonly stopped = new AbortController();
  private readonly unlisten: () => void;
  private readonly loop: Promise<void>;
  private cleanAt = 0;

  constructor(private readonly options: OutboxRelayOptions) {
    this.unlisten = options.database.onEmitted(() => this.wakeUp.ring());
    this.loop = this.run();
  }

  wake(): void {
    this.wakeUp.ring();
  }

  async lag(): Promise<OutboxLag> {
    const { database } = this.options;
    const [row] = await database.query<{ pending: number; oldest_ms: number }>(sql.lag, [LAG_COUNT_MAX]);
    return { pending: row?.pending ?? 0, oldestMs: row?.oldest_ms ?? 0 };
  }

  async close(): Promise<void> {
    this.unlisten();
    this.stopped.abort();
    this.wakeUp.ring();
    await this.loop;
  }

  private async run(): Promise<void> {
    const { onError = console.error, pollMs = 1_000 } = this.options;
    let backoffMs = BACKOFF_MIN_MS;
    while (!this.stopped.signal.aborted) {
      try {
        const published = await this.publishBatch();
        backoffMs = BACKOFF_MIN_MS;
        if (published > 0) continue;
        await this.clean();
        await this.wakeUp.wait(pollMs);
      } catch (error) {
        onError(error);
        await pause(backoffMs, undefined, { signal: this.stopped.signal }).catch(() => {});
        backoffMs = Math.min(backoffMs * 2, BACKOFF_MAX_MS);
      }
    }
  }

  private publishBatch(): Promise<number> {
    const { database, batchMax = BATCH_RECORDS_MAX } = this.options;
    return database.transaction(async (tx) => {
      const [lead] = await tx.query<{ leads: boolean }>(sql.lead, [database.schema]);
      if (lead?.leads !== true) return 0;
      const rows = within(
        await tx.query<OutboxRow>(sql.unpublished, [Math.min(batchMax, BATCH_RECORDS_MAX)]),
      );
      if (rows.length > 0) await this.append(tx, rows);
      return rows.length;
    });
  }

  private async append(tx: Transaction, rows: readonly OutboxRow[]): Promise<void> {
    const { eventLog, source } = this.options;
    const byTopic = new Map<string, EventRecord[]>();
    for (const { id, topic, key, body, created_at: occurredAt } of rows) {
      const records = byTopic.get(topic) ?? [];
      records.push({ id, type: topic, key, source, occurredAt, body });
      byTopic.set(topic, records);
    }
    for (const [topic, records] of byTopic) await eventLog.append(topic, records);
    await tx.query(sql.publish, [rows.map((row) => row.position)]);
  }

  private async clean(): Promise<void> {
    if (Date.now() < this.cleanAt) return;
    this.cleanAt = Date.now() + CLEAN_EVERY_MS;
    const { database, publishedDays = 3, inboxDays } = this.options;
    await deleteAll(database, sql.forgetPublished, publishedDays);
    if (inboxDays !== undefined) await deleteAll(database, sql.forgetHandled, inboxDays);
  }
}

async function deleteAll(database: Database, statement: string, days: number): Promise<void> {
  let deleted = CLEAN_ROWS_MAX;
  while (deleted === CLEAN_ROWS_MAX) {
    deleted = (await database.query(statement, [days, CLEAN_ROWS_MAX])).length;
  }
}

/** The rows from the first that fit into one batch's bytes, and always one. */
function within(rows: readonly OutboxRow[]): readonly OutboxRow[] {
  let bytes = 0;
  const end = rows.findIndex((row, index) => {
    bytes += row.body.length;
    return index > 0 && bytes > BATCH_BYTES_MAX;
  });
  return end < 0 ? rows : rows.slice(0, end);
}
