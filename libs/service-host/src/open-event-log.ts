import type { EventLog } from '@openledger/event-log';
import type { KafkaEventLogOptions } from '@openledger/event-log/kafka';
import { invariant } from '@openledger/kernel';
import type { HostConfig } from './host-config.js';

/** Binds the port to the adapter that the configuration names; nothing else knows which one runs. */
export async function openEventLog(config: HostConfig, onError: (error: unknown) => void): Promise<EventLog> {
  const { DATABASE_URL: url, EVENT_LOG: adapter, KAFKA_BROKERS: brokers } = config;
  const { PostgresEventLog, PostgresParkingLot } = await import('@openledger/event-log/postgres');
  if (adapter === 'postgres') return PostgresEventLog.open({ url, onError });
  invariant(brokers, 'the schema requires brokers');
  const { KafkaEventLog } = await import('@openledger/event-log/kafka');
  return KafkaEventLog.open({
    brokers,
    clientId: 'openledger',
    tls: config.KAFKA_TLS,
    ...credentialsOf(config),
    replicationFactor: config.KAFKA_REPLICATION_FACTOR,
    parkingLot: await PostgresParkingLot.open({ url }),
    onError,
  });
}

function credentialsOf(config: HostConfig): Pick<KafkaEventLogOptions, 'sasl'> {
  const { KAFKA_SASL_MECHANISM: mechanism, KAFKA_SASL_USERNAME: username } = config;
  const { KAFKA_SASL_PASSWORD: password } = config;
  if (mechanism === undefined || username === undefined || password === undefined) return {};
  return { sasl: { mechanism, username, password } };
}
