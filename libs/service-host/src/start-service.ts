import { type Authenticator, RemoteAuthenticator } from '@openledger/auth';
import { type Env, loadConfig } from '@openledger/config';
import { type EventLog, startOutboxRelay } from '@openledger/event-log';
import { systemClock } from '@openledger/kernel';
import { Database } from '@openledger/persistence';
import type { Express } from 'express';
import type { Logger } from 'pino';
import { startGrpcServer } from './grpc/grpc-server.js';
import { HostConfig } from './host-config.js';
import { closeServer, listen } from './http-server.js';
import { createLogger } from './logger.js';
import { createMetrics } from './metrics.js';
import { openEventLog } from './open-event-log.js';
import { withOperations } from './rest/operations.js';
import { createRestApp } from './rest/rest-app.js';
import type { Host, Service } from './service.js';
import { StopStack } from './stop-stack.js';
import { subscribe } from './subscribe.js';

export interface StartOptions {
  readonly env: Env;
  /** Shared by the services of one process; the service opens its own when absent. */
  readonly eventLog?: EventLog;
  /** Accounts itself authenticates without a network call. */
  readonly authenticator?: Authenticator;
  /**
   * False where a host puts several services behind one port and uses {@link RunningService.listener},
   * which has no metrics then.
   */
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
  const onError = (error: unknown) => log.warn({ err: error }, 'event log');
  const eventLog = options.eventLog ?? (await openEventLog(config, onError));
  if (options.eventLog === undefined) stack.push('event log', () => eventLog.close());
  const authenticator = options.authenticator ?? remoteAuthenticator(config, log, stack);
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

  const relay = startOutboxRelay({ database, eventLog, source: service.name, onError });
  metrics.outboxLag(async () => (await relay.lag()).oldestMs / 1_000);
  stack.push('outbox relay', () => relay.close());
  const consumer = await subscribe({
    group: service.name,
    eventLog,
    handlers: composition.handlers ?? [],
    metrics,
    log,
  });
  if (consumer) stack.push('consumer', () => consumer.close());
  if (composition.start) await composition.start();

  const state = { stopping: false };
  const isReady = async () =>
    !state.stopping && (await database.isReady()) && ((await composition.isReady?.()) ?? true);
  const listener = withOperations(rest, metrics, { isReady, showMetrics: options.listen !== false });
  const grpc =
    composition.grpc && (await startGrpcServer(composition.grpc, config.BIND_HOST, config.GRPC_PORT));
  if (grpc) stack.push('grpc', () => grpc.stop(config.STOP_GRACE_MS));
  const http =
    options.listen === false ? undefined : await listen(listener, config.HTTP_PORT, config.BIND_HOST);
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
  const { migrations } = service;
  const timeouts = {
    statementMs: config.DATABASE_STATEMENT_TIMEOUT_MS,
    idleInTransactionMs: config.DATABASE_IDLE_TRANSACTION_TIMEOUT_MS,
    connectMs: config.DATABASE_CONNECT_TIMEOUT_MS,
  };
  return Database.open({ url, schema: schemaOf(service), migrations, poolSize, timeouts });
}

/** Runs the migrations and ends: for the migrations Job. */
export async function migrate(service: Service, env: Env): Promise<void> {
  const database = await openDatabase(service, loadConfig(HostConfig, env));
  await database.close();
}

const schemaOf = (service: Service) => service.name.replaceAll('-', '_');

function remoteAuthenticator(config: HostConfig, log: Logger, stack: StopStack): Authenticator {
  const { ACCOUNTS_GRPC: address, SERVICE_TOKEN: serviceToken } = config;
  const remote = new RemoteAuthenticator({ address, serviceToken, log });
  stack.push('authenticator', async () => remote.close());
  return remote;
}
