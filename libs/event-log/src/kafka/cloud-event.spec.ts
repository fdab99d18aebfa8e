import { isId, newId } from '@openledger/kernel';
import type { KafkaMessage } from 'kafkajs';
import { partitionOf } from '../partitioner.js';
import { fromMessage, toMessage } from './cloud-event.js';

const TOPIC = 'thing.happened.v1';

/** What a broker hands back of a message: headers and key as bytes. */
function received(message: ReturnType<typeof toMessage>): KafkaMessage {
  const headers = Object.entries(message.headers ?? {}).map(([name, value]) => [
    name,
    Buffer.from(String(value)),
  ]);
  return {
    key: Buffer.from(String(message.key)),
    value: message.value as Buffer,
    headers: Object.fromEntries(headers),
    timestamp: message.timestamp ?? '0',
    offset: '7',
    attributes: 0,
  };
}

describe('CloudEvents on Kafka', () => {
  const record = {
    id: newId(),
    type: TOPIC,
    key: 'Zoë',
    source: 'ingestion',
    occurredAt: new Date('2026-02-03T04:05:06.789Z'),
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    body: Buffer.from('{"a":1}'),
  };

  it('writes the attributes as headers and picks the partition of every transport', () => {
    const message = toMessage(record, 12);
    expect(message.headers).toEqual({
      ce_specversion: '1.0',
      ce_id: record.id,
      ce_type: TOPIC,
      ce_source: 'ingestion',
      ce_time: '2026-02-03T04:05:06.789Z',
      'content-type': 'application/json',
      traceparent: record.traceparent,
    });
    expect(message.partition).toBe(partitionOf('Zoë', 12));
  });

  it('reads back what it wrote', () => {
    expect(fromMessage(TOPIC, 3, received(toMessage(record, 12)))).toEqual(record);
  });

  it('gives a foreign record an id from its place, the same on every delivery', () => {
    const foreign = received({ ...toMessage(record, 12), headers: {} });
    const read = () => fromMessage(TOPIC, 3, foreign);
    expect(isId(read().id)).toBe(true);
    expect(read()).toEqual(read());
    expect(read().occurredAt).toEqual(record.occurredAt);
    expect(fromMessage(TOPIC, 4, foreign).id).not.toBe(read().id);
  });
});
