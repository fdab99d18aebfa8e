import type { EventLog } from '@openledger/event-log';
import { invariant } from '@openledger/kernel';
import type { Database } from '@openledger/persistence';
import type { HostConfig } from './host-config.js';

/** Binds the port to the adapter that the configuration names; nothing else knows which one runs. */
export async function openEventLog(config: HostConfig, database: Database): Promise<EventLog> {
  if (config.EVENT_LOG === 'kafka') {
    invariant(config.KAFKA_BROKERS, 'the schema requires brokers');
    const { KafkaEventLog } = await import('@openledger/event-log/kafka');
    return KafkaEventLog.open({ brokers: config.KAFKA_BROKERS, database });
  }
  const { PostgresEventLog } = await import('@openledger/event-log/postgres');
  return PostgresEventLog.open({ url: config.DATABASE_URL, database });
}
