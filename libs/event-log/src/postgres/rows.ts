import type { EventRecord } from '../event-log.js';

export interface RecordRow {
  readonly id: string;
  readonly key: string;
  readonly source: string;
  readonly occurred_ms: number;
  readonly traceparent: string | null;
  readonly body: Buffer;
}

export function recordOf(topic: string, row: RecordRow): EventRecord {
  return {
    id: row.id,
    type: topic,
    key: row.key,
    source: row.source,
    occurredAt: new Date(row.occurred_ms),
    ...(row.traceparent === null ? {} : { traceparent: row.traceparent }),
    body: row.body,
  };
}
