import express, { type Express } from 'express';
import type { HostMetrics } from '../metrics.js';
import type { RestApp } from './rest-app.js';

interface Operations {
  readonly isReady: () => Promise<boolean>;
  readonly showMetrics: boolean;
}

/**
 * Health and metrics stand before everything else and need no credential: the network policy guards them.
 * Without a port of its own a service shows no metrics: the port is one for outsiders then.
 */
export function withOperations(
  rest: RestApp,
  metrics: HostMetrics,
  { isReady, showMetrics }: Operations,
): Express {
  const outer = express();
  outer.disable('x-powered-by');
  outer.get('/health/live', (_request, response) => void response.json({ status: 'live' }));
  outer.get('/health/ready', (_request, response, next) => {
    isReady().then(
      (ready) => response.status(ready ? 200 : 503).json({ status: ready ? 'ready' : 'not ready' }),
      next,
    );
  });
  if (showMetrics) {
    outer.get('/metrics', (_request, response, next) => {
      metrics.registry.metrics().then((text) => response.type('text/plain; version=0.0.4').send(text), next);
    });
  }
  outer.use(metrics.timeRequests, rest.listener);
  return outer;
}
