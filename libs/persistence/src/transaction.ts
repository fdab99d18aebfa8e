import type { OutgoingEvent } from './events.js';

export type Row = Record<string, unknown>;

/** What a use case may do inside one database transaction. */
export class Transaction {
  private emitted = false;

  constructor(private readonly run: (sql: string, params: unknown[]) => Promise<unknown>) {}

  async query<R extends object = Row>(sql: string, params: readonly unknown[] = []): Promise<R[]> {
    return rows<R>(await this.run(sql, [...params]));
  }

  /** True when events were queued. */
  get hasEmitted(): boolean {
    return this.emitted;
  }

  /**
   * Queues an event that is published if, and only if, this transaction commits. Lock or version-check
   * the aggregate's row first: that is what keeps events of one key in order.
   */
  async emit(event: OutgoingEvent): Promise<void> {
    await this.query(
      'INSERT INTO outbox (id, topic, key, body) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING',
      [event.id, event.topic, event.key, Buffer.from(event.body)],
    );
    this.emitted = true;
  }
}

/** TypeORM answers `[rows, affected]` for UPDATE and DELETE, and rows for everything else. */
export function rows<R>(result: unknown): R[] {
  const list = result as unknown[];
  return (list.length === 2 && Array.isArray(list[0]) && typeof list[1] === 'number' ? list[0] : list) as R[];
}
