import { join } from 'node:path';
import { accounts } from '@openledger/accounts';
import { attribution } from '@openledger/attribution';
import type { Env } from '@openledger/config';
import type { EventLog } from '@openledger/event-log';
import { PostgresEventLog } from '@openledger/event-log/postgres';
import { inferenceGateway } from '@openledger/inference-gateway';
import { inferenceWorker } from '@openledger/inference-worker';
import { ingestion } from '@openledger/ingestion';
import { freePort, startEmbeddedPostgres } from '@openledger/persistence/embedded';
import { type RunningService, type Service, startService } from '@openledger/service-host';
import { settlement } from '@openledger/settlement';
import { training } from '@openledger/training';
import { validation } from '@openledger/validation';
import { type PlatformChain, startChain } from './chain.js';
import { lockDataFolder } from './data-folder.js';
import { environment } from './environment.js';
import { type Front, startFront } from './front.js';
import type { PlatformOptions } from './platform-options.js';
import { openSecrets, type Secrets } from './secrets.js';

export interface Platform {
  readonly url: string;
  readonly grpcAddress: string;
  readonly chain: PlatformChain;
  readonly secrets: Secrets;
  /** In reverse order of the start; everything acknowledged is on disk afterwards. */
  stop(): Promise<void>;
}

/** Every service of the platform with the REST prefixes that it answers, in the order of the start. */
const SERVICES: readonly { readonly service: Service; readonly prefixes: readonly string[] }[] = [
  { service: accounts, prefixes: ['siwe', 'me', 'organisations', 'api-keys'] },
  { service: settlement, prefixes: ['settlement'] },
  { service: ingestion, prefixes: ['datanets', 'contributions'] },
  { service: validation, prefixes: ['assessments', 'parties'] },
  { service: training, prefixes: ['training-runs', 'models'] },
  { service: inferenceWorker, prefixes: [] },
  { service: attribution, prefixes: ['attributions'] },
  { service: inferenceGateway, prefixes: ['v1', '', 'health'] },
];

/** Starts Postgres, the chain and every service in this process. What was started is stopped when a later part fails. */
export async function startPlatform(options: PlatformOptions): Promise<Platform> {
  const undo: (() => Promise<unknown>)[] = [];
  const stop = async () => {
    for (let step = undo.pop(); step !== undefined; step = undo.pop()) await step();
  };
  try {
    return { ...(await start(options, undo)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function start(
  options: PlatformOptions,
  undo: (() => Promise<unknown>)[],
): Promise<Omit<Platform, 'stop'>> {
  const { dataDir, onStarting } = options;
  undo.push(await lockDataFolder(dataDir));
  const secrets = await openSecrets(dataDir);

  onStarting('PostgreSQL');
  const postgres = await startEmbeddedPostgres({ dir: join(dataDir, 'postgres') });
  undo.push(() => postgres.stop());
  const databaseUrl = await postgres.database('openledger');

  onStarting('chain');
  const chain = await startChain(dataDir, secrets.posterKey);
  undo.push(() => chain.chain.stop());

  onStarting('event log');
  const eventLog = await sharedEventLog(options.env, databaseUrl);
  if (eventLog) undo.push(() => eventLog.close());

  const ports = await grpcPorts(options.grpcPort);
  const common = environment({ options, secrets, databaseUrl, chain, ports });
  const running = new Map<string, RunningService>();
  for (const { service } of SERVICES) {
    onStarting(service.name);
    const env = {
      ...common,
      ...(service === inferenceGateway && { BIND_HOST: options.host }),
      GRPC_PORT: String(ports.get(service.name) ?? 0),
      ...options.env,
    };
    const started = await startService(service, { env, listen: false, ...(eventLog && { eventLog }) });
    undo.push(() => started.stop());
    running.set(service.name, started);
  }

  onStarting('front');
  const front = await startFront(routes(running), options.host, options.httpPort);
  undo.push(() => front.close());
  return {
    url: urlOf(options.host, front),
    grpcAddress: `${options.host}:${running.get(inferenceGateway.name)?.grpcPort}`,
    chain,
    secrets,
  };
}

/** One log for all services of the process; with Kafka each service has its own connection, as in a cluster. */
async function sharedEventLog(env: Env, url: string): Promise<EventLog | undefined> {
  return env.EVENT_LOG === 'kafka' ? undefined : PostgresEventLog.open({ url });
}

/** Only the gateway's gRPC is for outsiders, so only its port is fixed. */
async function grpcPorts(publicPort: number): Promise<ReadonlyMap<string, number>> {
  const ports = new Map<string, number>();
  for (const { service } of SERVICES) {
    ports.set(service.name, service === inferenceGateway ? publicPort : await freePort());
  }
  return ports;
}

function routes(running: ReadonlyMap<string, RunningService>) {
  return new Map(
    SERVICES.flatMap(({ service, prefixes }) => {
      const listener = running.get(service.name)?.listener;
      return listener ? prefixes.map((prefix) => [prefix, listener] as const) : [];
    }),
  );
}

const urlOf = (host: string, front: Front) =>
  `http://${host === '127.0.0.1' ? 'localhost' : host}:${front.port}`;
