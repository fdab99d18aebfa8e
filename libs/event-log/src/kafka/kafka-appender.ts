import { type Kafka, Partitioners, type Producer } from 'kafkajs';
import type { EventRecord } from '../event-log.js';
import { inBatches } from '../records.js';
import { toMessage } from './cloud-event.js';

/** A produce request for one partition must fit the broker's `message.max.bytes`, 1 MiB unless changed. */
const REQUEST_BYTES_MAX = 512 * 1024;

/** Appends one request after another: the idempotent producer keeps order only within a connection's queue. */
export class KafkaAppender {
  private producer: Promise<Producer> | undefined;
  private last: Promise<unknown> = Promise.resolve();

  constructor(private readonly kafka: Kafka) {}

  append(topic: string, partitions: number, records: readonly EventRecord[]): Promise<void> {
    const appended = this.last.then(() => this.send(topic, partitions, records));
    this.last = appended.catch(() => {});
    return appended;
  }

  async close(): Promise<void> {
    await this.last;
    await this.disconnect();
  }

  private async send(topic: string, partitions: number, records: readonly EventRecord[]): Promise<void> {
    this.producer ??= this.connect();
    try {
      const producer = await this.producer;
      for (const batch of inBatches(records, REQUEST_BYTES_MAX)) {
        const messages = batch.map((record) => toMessage(record, partitions));
        await producer.send({ topic, acks: -1, messages });
      }
    } catch (error) {
      // Its sequence numbers may be out of step for good; the next append begins with a new producer.
      await this.disconnect();
      throw error;
    }
  }

  private async connect(): Promise<Producer> {
    const producer = this.kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: Partitioners.DefaultPartitioner,
    });
    await producer.connect();
    return producer;
  }

  private async disconnect(): Promise<void> {
    const { producer } = this;
    this.producer = undefined;
    await producer?.then((connected) => connected.disconnect()).catch(() => {});
  }
}
