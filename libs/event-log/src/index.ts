export {
  type BatchFailure,
  type BatchHandling,
  type Consumer,
  type DeliveryFailure,
  EventLog,
  type EventRecord,
  type ParkedRecord,
  RECORD_BYTES_MAX,
  type Subscription,
  type TopicSpec,
} from './event-log.js';
export { type Outcome, type ParkedKey, ParkingLot } from './parking-lot.js';
export { partitionOf } from './partitioner.js';
export {
  type OutboxLag,
  type OutboxRelay,
  type OutboxRelayOptions,
  startOutboxRelay,
} from './relay/outbox-relay.js';
export { outboxStatements } from './relay/statements.js';
