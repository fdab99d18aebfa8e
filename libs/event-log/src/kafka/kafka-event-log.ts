import { type Admin, Kafka, logLevel, type SASLOptions } from 'kafkajs';
import type { EventRecord, ParkedRecord, Subscription, TopicSpec } from '../event-log.js';
import { type Consumer, EventLog } from '../event-log.js';
import type { ParkingLot } from '../parking-lot.js';
import { checkRecords, groupRunning } from '../records.js';
import { KafkaAppender } from './kafka-appender.js';
import { KafkaConsumer } from './kafka-consumer.js';
import { KafkaTopics } from './topics.js';

export interface KafkaCredentials {
  readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
  readonly username: string;
  readonly password: string;
}

export interface KafkaEventLogOptions {
  readonly brokers: readonly string[];
  readonly clientId: string;
  /** Kafka has no place for parked records; the log closes the lot when it closes. */
  readonly parkingLot: ParkingLot;
  /** Default false: plain text. */
  readonly tls?: boolean;
  readonly sasl?: KafkaCredentials;
  /** Of topics that this log creates. Default 1. */
  readonly replicationFactor?: number;
  /** Told of infrastructure errors, which are retried. Default: console.error. */
  readonly onError?: (error: unknown) => void;
}

/** The log on Apache Kafka, for clusters. */
export class KafkaEventLog extends EventLog {
  private readonly topics: KafkaTopics;
  private readonly appender: KafkaAppender;
  private readonly consumers = new Set<KafkaConsumer>();

  private constructor(
    private readonly kafka: Kafka,
    private readonly admin: Admin,
    private readonly lot: ParkingLot,
    private readonly options: KafkaEventLogOptions,
  ) {
    super();
    this.topics = new KafkaTopics(admin, options.replicationFactor ?? 1);
    this.appender = new KafkaAppender(kafka);
  }

  static async open(options: KafkaEventLogOptions): Promise<KafkaEventLog> {
    const kafka = new Kafka({
      brokers: [...options.brokers],
      clientId: options.clientId,
      ssl: options.tls ?? false,
      ...(options.sasl && { sasl: options.sasl as SASLOptions }),
      // It reports what it goes on to retry as errors; what it gives up on reaches `onError`.
      logLevel: logLevel.NOTHING,
    });
    const admin = kafka.admin();
    await admin.connect();
    return new KafkaEventLog(kafka, admin, options.parkingLot, options);
  }

  createTopics(topics: readonly TopicSpec[]): Promise<void> {
    return this.topics.create(topics);
  }

  async append(topic: string, records: readonly EventRecord[]): Promise<void> {
    const partitions = await this.topics.partitionsOf(topic);
    checkRecords(topic, records);
    await this.appender.append(topic, partitions, records);
  }

  async subscribe(subscription: Subscription): Promise<Consumer> {
    const partitions = new Map<string, number>();
    for (const topic of subscription.topics) {
      partitions.set(topic, await this.topics.partitionsOf(topic));
      if (subscription.from === 'latest') await this.startAtLatest(subscription.group, topic);
    }
    const consumer = new KafkaConsumer(subscription, {
      kafka: this.kafka,
      lot: this.lot,
      partitions,
      onError: this.options.onError ?? console.error,
      onClosed: (closed) => this.consumers.delete(closed),
    });
    this.consumers.add(consumer);
    await consumer.start();
    return consumer;
  }

  parked(group: string, limit = 100): Promise<ParkedRecord[]> {
    return this.lot.list(group, limit);
  }

  async releaseParked(group: string, topic: string, key: string): Promise<void> {
    await this.lot.release(group, topic, key);
    for (const consumer of this.consumers) consumer.check();
  }

  async reset(group: string, topic: string): Promise<void> {
    await this.topics.partitionsOf(topic);
    const { groups } = await this.admin.describeGroups([group]);
    if (groups.some(({ state }) => state !== 'Empty' && state !== 'Dead')) throw groupRunning(group, topic);
    await this.admin.resetOffsets({ groupId: group, topic, earliest: true });
    await this.lot.clear(group, topic);
  }

  async close(): Promise<void> {
    await Promise.all([...this.consumers].map((consumer) => consumer.close()));
    await this.appender.close();
    await this.admin.disconnect();
    await this.lot.close();
  }

  /**
   * Pins a new group where the topic ends now. Kafka itself would look for the end each time that a
   * member without a commit starts, and skip what was written in between.
   */
  private async startAtLatest(group: string, topic: string): Promise<void> {
    if (await this.hasCommitted(group, topic)) return;
    const ends = await this.admin.fetchTopicOffsets(topic);
    const partitions = ends.map(({ partition, high }) => ({ partition, offset: high }));
    try {
      await this.admin.setOffsets({ groupId: group, topic, partitions });
    } catch (error) {
      // Another new member was faster, and runs already.
      if (!(await this.hasCommitted(group, topic))) throw error;
    }
  }

  private async hasCommitted(group: string, topic: string): Promise<boolean> {
    const offsets = await this.admin.fetchOffsets({ groupId: group, topics: [topic] });
    return offsets.some(({ partitions }) => partitions.some(({ offset }) => Number(offset) >= 0));
  }
}
