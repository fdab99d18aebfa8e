import { topics } from '@openledger/contracts';
import type { Consumer, EventLog } from '@openledger/event-log';
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

/** Subscribes a service to its topics: the last step before it is ready, so that no event meets half a service. */
export async function subscribe({
  group,
  eventLog,
  handlers,
  metrics,
  log,
}: Subscribing): Promise<Consumer[]> {
  const known = Object.values(topics);
  await eventLog.createTopics(known);
  const consumers: Consumer[] = [];
  for (const { topic, handle } of handlers) {
    invariant(
      known.some(({ name }) => name === topic),
      `${topic} is not a topic`,
    );
    const consumer = await eventLog.subscribe({
      group,
      topics: [topic],
      handle: async (record, signal) => {
        const begun = performance.now();
        await handle(record, signal);
        metrics.handled(topic, (performance.now() - begun) / 1_000);
      },
      onFailure: (failure) => {
        metrics.failed(failure);
        const { attempt, parked, record } = failure;
        log.warn({ err: failure.error, attempt, parked, id: record.id, topic }, 'event failed');
      },
    });
    consumers.push(consumer);
  }
  return consumers;
}
