export {
  type Consumer,
  type DeliveryFailure,
  EventLog,
  type EventRecord,
  type ParkedRecord,
  RECORD_BYTES_MAX,
  type Subscription,
  type TopicSpec,
} from './event-log.js';
