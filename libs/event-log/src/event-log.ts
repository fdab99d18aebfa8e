/** One immutable fact. `key` picks the partition; order is promised only between equal keys. */
export interface EventRecord {
  /** UUID; the key by which consumers recognise a repeat. */
  readonly id: string;
  /** Same as the topic: `contribution.received.v1`. */
  readonly type: string;
  readonly key: string;
  /** The service that published it. */
  readonly source: string;
  readonly occurredAt: Date;
  /** W3C trace context, when there is one. */
  readonly traceparent?: string;
  /** proto3-JSON, UTF-8; at most {@link RECORD_BYTES_MAX}. */
  readonly body: Uint8Array;
}

export const RECORD_BYTES_MAX = 256 * 1024;

export interface TopicSpec {
  readonly name: string;
  readonly partitions: number;
  /** Days that records are kept; undefined keeps them for ever. */
  readonly retentionDays?: number;
}

export interface Subscription {
  /**
   * Members of a group share the partitions and must all subscribe to the same topics, as Kafka's group
   * protocol wants; every group sees every record.
   */
  readonly group: string;
  readonly topics: readonly string[];
  /**
   * Called with one record at a time for each partition, so in order within a key; partitions, and so
   * different keys, run side by side. Returning commits it; throwing has it delivered again with backoff,
   * and so does ending the process soon after. `signal` asks to let go of the record when the member
   * closes or loses the partition; a handler that throws then has not failed. After `attemptsMax` failures it is parked, and so are later records of
   * the same key, until {@link EventLog.releaseParked}.
   */
  readonly handle: (record: EventRecord, signal: AbortSignal) => Promise<void>;
  /** By topic: how records are taken many at a time; one at a time where a topic is not named. */
  readonly batches?: ReadonlyMap<string, BatchHandling>;
  /** Default 8. */
  readonly attemptsMax?: number;
  /** First wait after a failure; doubles up to 30 s, with jitter. Default 200. */
  readonly backoffMs?: number;
  /** Where a group that is new to a topic begins. Default 'earliest'. */
  readonly from?: 'earliest' | 'latest';
  /** Told of every failed delivery of a single record, parked or not. */
  readonly onFailure?: (failure: DeliveryFailure) => void;
  /** Told of every batch that failed, before its records are delivered in smaller ones. */
  readonly onBatchFailure?: (failure: BatchFailure) => void;
}

/**
 * Takes records of one partition together, in order: as many as wait, up to `recordsMax`, and never waits for more.
 * Returning commits them all. When it throws, nothing of the batch may have had an effect: it comes again in halves, down to
 * single records, which go to {@link Subscription.handle}, so that one that is poisonous is retried and parked alone.
 */
export interface BatchHandling {
  /** At most 2,000. */
  readonly recordsMax: number;
  readonly handle: (records: readonly EventRecord[], signal: AbortSignal) => Promise<void>;
}

export interface DeliveryFailure {
  readonly record: EventRecord;
  readonly attempt: number;
  readonly parked: boolean;
  readonly error: unknown;
}

export interface BatchFailure {
  readonly topic: string;
  readonly records: number;
  readonly error: unknown;
}

export interface ParkedRecord {
  readonly topic: string;
  readonly record: EventRecord;
  readonly reason: string;
}

export interface Consumer {
  /** Resolves when the handler in flight has ended and nothing more will be delivered. */
  close(): Promise<void>;
}

/**
 * The only way events leave or enter a service. At least once, ordered per key within a topic, parked
 * when poisonous, replayable, bounded in memory. The memory, Postgres and Kafka adapters pass the same
 * contract suite; a behaviour that is not in the suite may not be relied on.
 */
export abstract class EventLog {
  /** Makes topics that are missing. Appending to, or subscribing to, an unknown topic is an error. */
  abstract createTopics(topics: readonly TopicSpec[]): Promise<void>;
  /** Resolves when every record is durable. Equal keys keep the order given. */
  abstract append(topic: string, records: readonly EventRecord[]): Promise<void>;
  abstract subscribe(subscription: Subscription): Promise<Consumer>;
  /** Oldest first, at most `limit` (default 100). */
  abstract parked(group: string, limit?: number): Promise<ParkedRecord[]>;
  /** Delivers what is parked for `group` under `key` again, in order, before newer records of that key. */
  abstract releaseParked(group: string, topic: string, key: string): Promise<void>;
  /** Replays: the group, which must have no running member, starts again at the earliest record. */
  abstract reset(group: string, topic: string): Promise<void>;
  abstract close(): Promise<void>;
}
