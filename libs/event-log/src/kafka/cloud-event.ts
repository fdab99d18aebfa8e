import { derivedId, isId } from '@openledger/kernel';
import type { IHeaders, KafkaMessage, Message } from 'kafkajs';
import type { EventRecord } from '../event-log.js';
import { partitionOf } from '../partitioner.js';

/** CloudEvents 1.0, Kafka protocol binding, binary mode: attributes are headers, the body is the value. */
export function toMessage(record: EventRecord, partitions: number): Message {
  const { id, type, key, source, occurredAt, traceparent, body } = record;
  return {
    key,
    value: Buffer.from(body.buffer, body.byteOffset, body.byteLength),
    partition: partitionOf(key, partitions),
    timestamp: String(occurredAt.getTime()),
    headers: {
      ce_specversion: '1.0',
      ce_id: id,
      ce_type: type,
      ce_source: source,
      ce_time: occurredAt.toISOString(),
      'content-type': 'application/json',
      ...(traceparent === undefined ? {} : { traceparent }),
    },
  };
}

/** A record that another producer wrote without our headers gets an id from its place, the same each time. */
export function fromMessage(topic: string, partition: number, message: KafkaMessage): EventRecord {
  const { headers = {}, key, value, offset, timestamp } = message;
  const id = textOf(headers, 'ce_id') ?? '';
  const traceparent = textOf(headers, 'traceparent');
  const time = Date.parse(textOf(headers, 'ce_time') ?? '');
  return {
    id: isId(id) ? id : derivedId(`${topic}/${partition}`, offset),
    type: topic,
    key: key?.toString('utf8') ?? '',
    source: textOf(headers, 'ce_source') ?? 'unknown',
    occurredAt: new Date(Number.isNaN(time) ? Number(timestamp) : time),
    ...(traceparent === undefined ? {} : { traceparent }),
    body: value ?? Buffer.alloc(0),
  };
}

function textOf(headers: IHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0]?.toString() : value?.toString();
}
