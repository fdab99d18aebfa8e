import type { DeliveryFailure } from '@openledger/event-log';
import type { RequestHandler } from 'express';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

export interface HostMetrics {
  readonly registry: Registry;
  readonly timeRequests: RequestHandler;
  readonly handled: (topic: string, seconds: number) => void;
  readonly failed: (failure: DeliveryFailure) => void;
  /** Measured at each scrape. */
  readonly outboxLag: (seconds: () => Promise<number>) => void;
}

/** Seconds, from a fast read to a long generation. */
const BUCKETS = [0.005, 0.02, 0.1, 0.5, 2, 10, 60];

export function createMetrics(): HostMetrics {
  const registry = new Registry();
  const registers = [registry];
  const requests = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time to answer, by method and status',
    labelNames: ['method', 'status'],
    buckets: BUCKETS,
    registers,
  });
  const events = new Histogram({
    name: 'event_handling_seconds',
    help: 'Time to handle one event',
    labelNames: ['topic'],
    buckets: BUCKETS,
    registers,
  });
  const failures = new Counter({
    name: 'event_failures_total',
    help: 'Failed deliveries; parked="true" needs a person',
    labelNames: ['topic', 'parked'],
    registers,
  });
  return {
    registry,
    timeRequests: (request, response, next) => {
      const end = requests.startTimer({ method: request.method });
      response.once('close', () => end({ status: String(response.statusCode) }));
      next();
    },
    handled: (topic, seconds) => events.observe({ topic }, seconds),
    failed: ({ record, parked }) => failures.inc({ topic: record.type, parked: String(parked) }),
    outboxLag: (seconds) => {
      new Gauge({
        name: 'outbox_lag_seconds',
        help: 'Age of the oldest unpublished event',
        registers,
        async collect() {
          this.set(await seconds());
        },
      });
    },
  };
}
