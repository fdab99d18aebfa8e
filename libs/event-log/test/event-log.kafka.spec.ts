import { randomUUID } from 'node:crypto';
import { KafkaEventLog } from '@openledger/event-log/kafka';
import { MemoryParkingLot } from '@openledger/event-log/memory';
import { eventLogContract } from '@openledger/testing/event-log-contract';

eventLogContract('kafka', async () => {
  const brokers = process.env.KAFKA_BROKERS;
  if (!brokers) throw new Error('KAFKA_BROKERS is unset: run this through deploy/kafka/with-broker.mjs');
  const parkingLot = new MemoryParkingLot();
  return {
    prefix: `kafka-${randomUUID()}`,
    patienceMs: 25_000,
    open: () => KafkaEventLog.open({ brokers: brokers.split(','), clientId: 'contract', parkingLot }),
  };
});
