import { randomUUID } from 'node:crypto';
import { KafkaEventLog, type KafkaEventLogOptions } from '@openledger/event-log/kafka';
import { MemoryParkingLot } from '@openledger/event-log/memory';
import { eventually } from '@openledger/testing';

const { KAFKA_SECURE_BROKERS: broker, KAFKA_SECURE_USERNAME: username = '' } = process.env;
const { KAFKA_SECURE_PASSWORD: password = '' } = process.env;

describe('Kafka over TLS with a login', () => {
  const open = (changes: Partial<KafkaEventLogOptions> = {}) => {
    if (!broker)
      throw new Error('KAFKA_SECURE_BROKERS is unset: run this through deploy/kafka/with-broker.mjs');
    return KafkaEventLog.open({
      brokers: [broker],
      clientId: 'secure',
      parkingLot: new MemoryParkingLot(),
      tls: true,
      sasl: { mechanism: 'plain', username, password },
      ...changes,
    });
  };

  it('carries records', async () => {
    const log = await open();
    const name = `secure-${randomUUID()}`;
    const seen: string[] = [];
    try {
      await log.createTopics([{ name, partitions: 1 }]);
      await log.subscribe({ group: name, topics: [name], handle: async ({ id }) => void seen.push(id) });
      const id = randomUUID();
      const body = Buffer.from('{}');
      await log.append(name, [{ id, type: name, key: 'k', source: 'test', occurredAt: new Date(), body }]);
      await eventually(() => expect(seen).toEqual([id]), 25_000);
    } finally {
      await log.close();
    }
  }, 40_000);

  it('refuses a wrong password', async () => {
    await expect(open({ sasl: { mechanism: 'plain', username, password: 'wrong' } })).rejects.toThrow(
      /[Aa]uthentication/,
    );
  }, 20_000);

  it('makes topics with as many replicas as it is told, which one broker cannot hold', async () => {
    const log = await open({ replicationFactor: 3 });
    try {
      const topic = { name: `replicated-${randomUUID()}`, partitions: 1 };
      await expect(log.createTopics([topic])).rejects.toThrow();
    } finally {
      await log.close();
    }
  }, 40_000);
});
