export { type KafkaCredentials, KafkaEventLog, type KafkaEventLogOptions } from './kafka-event-log.js';
