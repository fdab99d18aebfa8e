import type { EventLog, EventRecord } from '@openledger/event-log';
import { newId } from '@openledger/kernel';

/** How the contract suite gets logs. Logs of one harness are members of one system, as processes are. */
export interface EventLogHarness {
  open(): Promise<EventLog>;
  /** A topic name that no other test uses. */
  readonly prefix: string;
  /** Longest wait for an expectation: transports differ in how fast members take over. */
  readonly patienceMs: number;
}

export function eventOf(topic: string, key: string, text: string): EventRecord {
  const body = Buffer.from(JSON.stringify({ text }));
  return { id: newId(), type: topic, key, source: 'contract', occurredAt: new Date(), body };
}

export const textOf = (record: EventRecord): string =>
  (JSON.parse(Buffer.from(record.body).toString('utf8')) as { text: string }).text;

/** `count` events, spread over `keys` keys, numbered within the whole. */
export function eventsOf(topic: string, count: number, keys: number): EventRecord[] {
  return Array.from({ length: count }, (_, n) => eventOf(topic, `key-${n % keys}`, String(n)));
}

/** What a handler saw, in the order it saw it. */
export class Seen {
  readonly records: EventRecord[] = [];

  readonly handle = async (record: EventRecord): Promise<void> => {
    this.records.push(record);
  };

  texts(key?: string): string[] {
    return this.records.filter((record) => key === undefined || record.key === key).map(textOf);
  }

  get ids(): Set<string> {
    return new Set(this.records.map((record) => record.id));
  }
}

/** A promise that a test opens by hand: handlers wait on it. */
export class Gate {
  private readonly opened = Promise.withResolvers<void>();
  open(): void {
    this.opened.resolve();
  }
  pass(): Promise<void> {
    return this.opened.promise;
  }
}

/** What the tests of the contract work with. */
export interface ContractTools {
  /** The log that most tests use; closed after each. */
  log(): EventLog;
  /** A second process, as it were. */
  openAnother(): Promise<EventLog>;
  /** Creates a topic of its own for the test. */
  topic(partitions?: number): Promise<string>;
  until<T>(check: () => T | Promise<T>): Promise<T>;
}
