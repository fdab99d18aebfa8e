import { topics } from '@openledger/contracts';
import type { BatchHandling, Consumer, EventLog } from '@openledger/event-log';
import { invariant } from '@openledger/kernel';
import type { Logger } from 'pino';
import type { HostMetrics } from './metrics.js';
import type { Handler } from './service.js';

export interface Subscribing {
  readonly group: string;
  readonly eventLog: EventLog;
  readonly handlers: readonly Handler[];
  readonly metrics: HostMetrics;
  readonly log: Logger;
}

/**
 * Subscribes a service to its topics: the last step before it is ready, so that no event meets half a
 * service. One subscription for all of them, because Kafka's group protocol wants every member of a
 * group to subscribe to the same topics.
 */
export async function subscribe({
  group,
  eventLog,
  handlers,
  metrics,
  log,
}: Subscribing): Promise<Consumer | undefined> {
  const known = Object.values(topics);
  await eventLog.createTopics(known);
  const byTopic = new Map(handlers.map((handler) => [handler.topic, handler]));
  invariant(byTopic.size === handlers.length, 'a topic has one handler');
  for (const topic of byTopic.keys()) {
    invariant(
      known.some(({ name }) => name === topic),
      `${topic} is not a topic`,
    );
  }
  if (byTopic.size === 0) return undefined;
  return eventLog.subscribe({
    group,
    topics: [...byTopic.keys()],
    handle: async (record, signal) => {
      const handler = byTopic.get(record.type);
      invariant(handler, `${record.type} was not subscribed to`);
      const begun = performance.now();
      await handler.handle(record, signal);
      metrics.handled(record.type, (performance.now() - begun) / 1_000);
    },
    batches: timedBatches(handlers, metrics),
    onFailure: (failure) => {
      metrics.failed(failure);
      const { attempt, parked, record, error } = failure;
      log.warn({ err: error, attempt, parked, id: record.id, topic: record.type }, 'event failed');
    },
    onBatchFailure: ({ topic, records, error }) =>
      log.warn({ err: error, topic, records }, 'a batch failed: its events follow in smaller ones'),
  });
}

/** Of a batch, each event counts as handled in its share of the time, so that sums stay true. */
function timedBatches(handlers: readonly Handler[], metrics: HostMetrics): Map<string, BatchHandling> {
  const batches = new Map<string, BatchHandling>();
  for (const { topic, batch } of handlers) {
    if (!batch) continue;
    const handle: BatchHandling['handle'] = async (records, signal) => {
      const begun = performance.now();
      await batch.handle(records, signal);
      const seconds = (performance.now() - begun) / 1_000 / records.length;
      for (const _ of records) metrics.handled(topic, seconds);
    };
    batches.set(topic, { recordsMax: batch.recordsMax, handle });
  }
  return batches;
}
