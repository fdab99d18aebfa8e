import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Principal } from '@openledger/auth';
import { FolderBlobStore } from '@openledger/blob-store';
import { decodeEvent, type InferenceServed, type ModelDeployed, topics } from '@openledger/contracts';
import { PostgresEventLog } from '@openledger/event-log/postgres';
import { newId, sha256 } from '@openledger/kernel';
import { Database, type MigrationClass } from '@openledger/persistence';
import { type RunningService, startService } from '@openledger/service-host';
import { deployedModel, KnownCallers, publish, testDatabase } from '@openledger/testing';
import { writeTinyModel } from '@openledger/testing/tiny-model';
import { modelFolderDigest } from '@openledger/transformer';
import OpenAI from 'openai';
import { inferenceGateway } from '../src/index.js';
import { SettlementServer } from './settlement-server.js';
import { WorkerServer } from './worker-server.js';

export const KEY = 'olk_test';
export const POOR_KEY = 'olk_poor';
export const READ_ONLY_KEY = 'olk_reader';
export const FEW_REQUESTS_KEY = 'olk_few_requests';
export const FEW_TOKENS_KEY = 'olk_few_tokens';
export const ORGANISATION = 'organisation-1';
const SERVICE_TOKEN = 'service-token-of-this-test';

const INVOKE = new Set(['inference:invoke']);
const principals: Readonly<Record<string, Partial<Principal>>> = {
  [KEY]: { organisationId: ORGANISATION, scopes: INVOKE },
  [FEW_REQUESTS_KEY]: { organisationId: ORGANISATION, scopes: INVOKE, limits: { requestsPerMinute: 2 } },
  [FEW_TOKENS_KEY]: { organisationId: ORGANISATION, scopes: INVOKE, limits: { tokensPerMinute: 100 } },
  [POOR_KEY]: { organisationId: 'organisation-poor', scopes: INVOKE },
  [READ_ONLY_KEY]: { organisationId: ORGANISATION, scopes: new Set(['balance:read']) },
};

/** The real gateway with its database and event log; settlement and two workers speak their contracts over gRPC. */
export class GatewayFixture {
  readonly served: InferenceServed[] = [];

  private constructor(
    readonly gateway: RunningService,
    readonly workers: readonly [WorkerServer, WorkerServer],
    readonly settlement: SettlementServer,
    private readonly parts: {
      blobs: FolderBlobStore;
      log: PostgresEventLog;
      baseDigest: string;
      dir: string;
      databaseUrl: string;
    },
  ) {}

  static async start(env: Readonly<Record<string, string>> = {}): Promise<GatewayFixture> {
    const dir = await mkdtemp(join(tmpdir(), 'gateway-'));
    const modelDir = join(dir, 'tiny');
    await writeTinyModel(modelDir);
    const baseDigest = await modelFolderDigest(modelDir);
    const settlement = new SettlementServer();
    const workers = [new WorkerServer(), new WorkerServer()] as const;
    const url = await testDatabase();
    const log = await PostgresEventLog.open({ url });
    const gateway = await startService(inferenceGateway, {
      env: {
        DATABASE_URL: url,
        SERVICE_TOKEN,
        HTTP_PORT: '0',
        GRPC_PORT: '0',
        LOG_LEVEL: 'silent',
        MODEL_DIR: modelDir,
        BLOB_DIR: join(dir, 'blobs'),
        SETTLEMENT_GRPC: await settlement.listen(SERVICE_TOKEN),
        WORKER_GRPC: (
          await Promise.all(workers.map((worker) => worker.listen(SERVICE_TOKEN, baseDigest)))
        ).join(),
        ...env,
      },
      authenticator: new KnownCallers((key) => principals[key]),
      eventLog: log,
    });
    const blobs = await FolderBlobStore.open(join(dir, 'blobs'));
    const fixture = new GatewayFixture(gateway, workers, settlement, {
      blobs,
      log,
      baseDigest,
      dir,
      databaseUrl: url,
    });
    await log.subscribe({
      group: 'observer',
      topics: [topics.inferenceServed.name],
      handle: async ({ body }) => {
        fixture.served.push(decodeEvent(topics.inferenceServed, body));
      },
    });
    return fixture;
  }

  get blobs(): FolderBlobStore {
    return this.parts.blobs;
  }

  get url(): string {
    return `http://127.0.0.1:${this.gateway.httpPort}`;
  }

  /** The gateway's own schema, to look into. */
  database(migrations: readonly MigrationClass[]): Promise<Database> {
    return Database.open({ url: this.parts.databaseUrl, schema: 'inference_gateway', migrations });
  }

  openai(apiKey = KEY): OpenAI {
    return new OpenAI({ apiKey, baseURL: `${this.url}/v1`, maxRetries: 0 });
  }

  /** Requests that either worker was asked to run. */
  get runs() {
    return this.workers.flatMap(({ requests }) => requests);
  }

  async metrics(): Promise<string> {
    return (await fetch(`${this.url}/metrics`)).text();
  }

  script(script: WorkerServer['script']): void {
    for (const worker of this.workers) worker.script = script;
  }

  async deploy(name: string, fields: Partial<ModelDeployed> = {}): Promise<ModelDeployed> {
    const event = deployedModel({
      name,
      developerOrganisationId: 'developer-1',
      baseDigest: this.parts.baseDigest,
      adapterDigest: sha256(newId()),
      ...fields,
    });
    await publish(this.parts.log, topics.modelDeployed, event);
    return event;
  }

  async stop(): Promise<void> {
    await this.gateway.stop();
    for (const worker of this.workers) worker.close();
    this.settlement.close();
    await this.parts.log.close();
    await rm(this.parts.dir, { recursive: true });
  }
}
