import { encodeEvent, type Topic } from '@openledger/contracts';
import type { EventLog } from '@openledger/event-log';
import { newId } from '@openledger/kernel';

/** Puts an event on the log as the service that owns its topic would; the same id again is a redelivery. */
export async function publish<T>(
  eventLog: EventLog,
  topic: Topic<T>,
  message: T,
  id: string = newId(),
): Promise<void> {
  const { key, body } = encodeEvent(topic, id, message);
  const record = { id, type: topic.name, key, source: topic.owner, occurredAt: new Date(), body };
  await eventLog.append(topic.name, [record]);
}
