import { createServer, type Server } from 'node:http';
import { Authenticator, RemoteAuthenticator } from '@openledger/auth';
import { type Env, loadConfig } from '@openledger/config';
import { topics } from '@openledger/contracts';
import { type Consumer, type EventLog, startOutboxRelay } from '@openledger/event-log';
import { invariant, systemClock } from '@openledger/kernel';
import { Database } from '@openledger/persistence';
import express, { type Express } from 'express';
import type { Logger } from 'pino';
import { startGrpcServer } from './grpc/grpc-server.js';
import { HostConfig } from './host-config.js';
import { createLogger } from './logger.js';
import { createMetrics, type HostMetrics } from './metrics.js';
import { openEventLog } from './open-event-log.js';
import { createRestApp, type RestApp } from './rest/rest-app.js';
import type { Handler, Host, Service } from './service.js';

export interface StartOptions {
  readonly env: Env;
  /** Shared by the services of one process; the service opens its own when absent. */
  readonly eventLog?: EventLog;
  /** Accounts itself authenticates without a network call. */
  readonly authenticator?: Authenticator;
  /** False where a host puts several services behind one port and uses {@link RunningService.listener}. */
  readonly listen?: boolean;
}

export interface RunningService {
  readonly name: string;
  readonly listener: Express;
  readonly httpPort: number | undefined;
  readonly grpcPort: number | undefined;
  isReady(): Promise<boolean>;
  /** In reverse order of the start: stops taking work, waits for what is in flight, closes. */
  stop(): Promise<void>;
}

/**
 * Starts one service: configuration, migrations, composition, handlers, consumers, readiness, ports.
 * What was started is stopped again when a later step fails.
 *
 * @throws DomainError CONFIG_INVALID
 */
export async function startService(service: Service, options: StartOptions): Promise<RunningService> {
  const config = loadConfig(HostConfig, options.env);
  const log = createLogger(service.name, config.LOG_LEVEL);
  const stack = new StopStack(log);
  try {
    return await start({ service, options, config, log, stack });
  } catch (error) {
    await stack.stop();
    throw error;
  }
}

interface Starting {
  readonly service: Service;
  readonly options: StartOptions;
  readonly config: HostConfig;
  readonly log: Logger;
  readonly stack: StopStack;
}

async function start(starting: Starting): Promise<RunningService> {
  const { service, options, config, log, stack } = starting;
  const metrics = createMetrics();
  const database = await openDatabase(service, config);
  stack.push('database', () => database.close());
  const eventLog = options.eventLog ?? (await openEventLog(config, database));
  if (options.eventLog === undefined) stack.push('event log', () => eventLog.close());
  const authenticator = options.authenticator ?? remoteAuthenticator(config, stack);
  const { env } = options;
  const { SERVICE_TOKEN: serviceToken } = config;
  const { registry } = metrics;
  const host: Host = {
    env,
    database,
    eventLog,
    authenticator,
    serviceToken,
    clock: systemClock,
    log,
    metrics: registry,
  };

  const composition = await service.compose(host);
  if (composition.stop) stack.push('service', composition.stop);
  const rest = await createRestApp(host, composition);
  stack.push('rest', rest.close);

  const relay = await startOutboxRelay({
    database,
    eventLog,
    source: service.name,
    onLag: metrics.outboxLag,
  });
  stack.push('outbox relay', () => relay.close());
  const consumers = await subscribe(starting, eventLog, composition.handlers ?? [], metrics);
  stack.push(
    'consumers',
    async () => void (await Promise.all(consumers.map((consumer) => consumer.close()))),
  );
  if (composition.start) await composition.start();

  const state = { stopping: false };
  const isReady = async () =>
    !state.stopping && (await database.isReady()) && ((await composition.isReady?.()) ?? true);
  const listener = withOperations(rest, metrics, isReady);
  const grpc = composition.grpc && (await startGrpcServer(composition.grpc, config.GRPC_PORT));
  if (grpc) stack.push('grpc', () => grpc.stop(config.STOP_GRACE_MS));
  const http = options.listen === false ? undefined : await listen(listener, config.HTTP_PORT);
  if (http) stack.push('http', () => closeServer(http, config.STOP_GRACE_MS));
  stack.push('readiness', async () => {
    state.stopping = true;
  });

  const address = http?.address();
  const httpPort = address && typeof address === 'object' ? address.port : undefined;
  log.info({ httpPort, grpcPort: grpc?.port }, 'started');
  return { name: service.name, listener, httpPort, grpcPort: grpc?.port, isReady, stop: () => stack.stop() };
}

function openDatabase(service: Service, config: HostConfig): Promise<Database> {
  const { DATABASE_URL: url, DATABASE_POOL: poolSize } = config;
  return Database.open({ url, schema: schemaOf(service), migrations: service.migrations, poolSize });
}

/** Runs the migrations and ends: for the migrations Job. */
export async function migrate(service: Service, env: Env): Promise<void> {
  const database = await openDatabase(service, loadConfig(HostConfig, env));
  await database.close();
}

const schemaOf = (service: Service) => service.name.replaceAll('-', '_');

function remoteAuthenticator(config: HostConfig, stack: StopStack): Authenticator {
  const { ACCOUNTS_GRPC: address, SERVICE_TOKEN: serviceToken } = config;
  const remote = new RemoteAuthenticator({ address, serviceToken });
  stack.push('authenticator', async () => remote.close());
  return remote;
}

async function subscribe(
  { service, log }: Starting,
  eventLog: EventLog,
  handlers: readonly Handler[],
  metrics: HostMetrics,
): Promise<Consumer[]> {
  const known = Object.values(topics);
  await eventLog.createTopics(known);
  const consumers: Consumer[] = [];
  for (const { topic, handle } of handlers) {
    invariant(
      known.some(({ name }) => name === topic),
      `${topic} is not a topic`,
    );
    const consumer = await eventLog.subscribe({
      group: service.name,
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

/** Health and metrics stand before everything else and need no credential: the network policy guards them. */
function withOperations(rest: RestApp, metrics: HostMetrics, isReady: () => Promise<boolean>): Express {
  const outer = express();
  outer.disable('x-powered-by');
  outer.get('/health/live', (_request, response) => void response.json({ status: 'live' }));
  outer.get('/health/ready', (_request, response, next) => {
    isReady().then(
      (ready) => response.status(ready ? 200 : 503).json({ status: ready ? 'ready' : 'not ready' }),
      next,
    );
  });
  outer.get('/metrics', (_request, response, next) => {
    metrics.registry.metrics().then((text) => response.type('text/plain; version=0.0.4').send(text), next);
  });
  outer.use(metrics.timeRequests, rest.listener);
  return outer;
}

async function listen(listener: Express, port: number): Promise<Server> {
  const server = createServer({ requestTimeout: 300_000, headersTimeout: 20_000 }, listener);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, resolve);
  });
  return server;
}

async function closeServer(server: Server, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearTimeout(timer);
}

/** Undoes a start step by step; a step that fails is logged and does not keep the others from running. */
class StopStack {
  private readonly steps: { name: string; stop: () => Promise<unknown> }[] = [];

  constructor(private readonly log: Logger) {}

  push(name: string, stop: () => Promise<unknown>): void {
    this.steps.push({ name, stop });
  }

  async stop(): Promise<void> {
    for (let step = this.steps.pop(); step !== undefined; step = this.steps.pop()) {
      const { name } = step;
      await step.stop().catch((error: unknown) => this.log.error({ err: error }, `stopping ${name} failed`));
    }
  }
}
