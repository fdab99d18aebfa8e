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
  emit(event: OutgoingEvent): Promise<void> {
    return this.emitAll([event]);
  }

  /** As {@link emit}, in one statement; the events keep the order given. */
  async emitAll(events: readonly OutgoingEvent[]): Promise<void> {
    if (events.length === 0) return;
    const lengths = events.map(({ body }) => body.byteLength);
    await this.query(QUEUE_EVENTS, [
      events.map(({ id }) => id),
      events.map(({ topic }) => topic),
      events.map(({ key }) => key),
      startsOf(lengths),
      lengths,
      Buffer.concat(events.map(({ body }) => body)),
    ]);
    this.emitted = true;
  }
}

/**
 * Bodies travel as one binary parameter that is cut by position and length: an array of bytea would travel as
 * hexadecimal text, twice as large.
 */
const QUEUE_EVENTS = `
  INSERT INTO outbox (id, topic, key, body)
  SELECT id, topic, key, substring($6::bytea FROM start FOR length)
  FROM unnest($1::uuid[], $2::text[], $3::text[], $4::int[], $5::int[])
    WITH ORDINALITY AS given (id, topic, key, start, length, nth)
  ORDER BY nth
  ON CONFLICT (id) DO NOTHING`;

/** Where each piece begins in their concatenation; Postgres counts bytes from 1. */
function startsOf(lengths: readonly number[]): number[] {
  let next = 1;
  return lengths.map((length) => {
    const start = next;
    next += length;
    return start;
  });
}

/** TypeORM answers `[rows, affected]` for UPDATE and DELETE, and rows for everything else. */
export function rows<R>(result: unknown): R[] {
  const list = result as unknown[];
  return (list.length === 2 && Array.isArray(list[0]) && typeof list[1] === 'number' ? list[0] : list) as R[];
}
