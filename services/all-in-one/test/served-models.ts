import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { FolderBlobStore } from '@openledger/blob-store';
import {
  decodeEvent,
  type GetPriceRequest,
  type HoldBalanceRequest,
  type InferenceServed,
  SettlementServiceService,
  topics,
} from '@openledger/contracts';
import { PostgresEventLog } from '@openledger/event-log/postgres';
import { inferenceGateway } from '@openledger/inference-gateway';
import { inferenceWorker } from '@openledger/inference-worker';
import { createLogger, type RunningService, startService, unary } from '@openledger/service-host';
import { deployedModel, eventually, KnownCallers, publish, testDatabase } from '@openledger/testing';
import { tinyAdapter, writeTinyModel } from '@openledger/testing/tiny-model';
import { modelFolderDigest } from '@openledger/transformer';
import OpenAI from 'openai';

const SERVICE_TOKEN = 'service-token-of-this-test';
const PRICE = { promptWeiPerMillion: '1', completionWeiPerMillion: '1' };

/** Settlement's contract over real gRPC, with money for everybody. */
async function startSettlement(): Promise<{ server: Server; address: string }> {
  const context = { log: createLogger('settlement', 'silent'), serviceToken: SERVICE_TOKEN };
  const server = new Server();
  server.addService(SettlementServiceService, {
    holdBalance: unary(context, async ({ requestId }: HoldBalanceRequest) => ({
      holdId: requestId,
      heldWei: '1',
    })),
    getPrice: unary(context, async (_: GetPriceRequest) => PRICE),
    releaseHold: unary(context, async () => ({})),
    getBalance: unary(context, async () => ({ availableWei: '1', heldWei: '0' })),
  });
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
      if (error) reject(error);
      else resolve({ server, address: `127.0.0.1:${port}` });
    });
  });
}

/** A real gateway before a real worker with adapters of the tiny model; settlement's contract alone is stood in for. */
export class ServedModels {
  readonly served: InferenceServed[] = [];
  /** Of the adapter behind each name. */
  readonly digests = new Map<string, string>();

  private constructor(
    readonly client: OpenAI,
    private readonly parts: {
      gateway: RunningService;
      worker: RunningService;
      settlement: Server;
      log: PostgresEventLog;
      dir: string;
    },
  ) {}

  static async start(models: number): Promise<ServedModels> {
    const dir = await mkdtemp(join(tmpdir(), 'inference-'));
    const modelDir = join(dir, 'tiny');
    await writeTinyModel(modelDir);
    const url = await testDatabase();
    const log = await PostgresEventLog.open({ url });
    const settlement = await startSettlement();
    const authenticator = new KnownCallers(() => ({ organisationId: 'o' }));
    const env = {
      DATABASE_URL: url,
      SERVICE_TOKEN,
      HTTP_PORT: '0',
      GRPC_PORT: '0',
      LOG_LEVEL: 'silent',
      MODEL_DIR: modelDir,
      BLOB_DIR: join(dir, 'blobs'),
      BASE_IS_FREE: 'true',
    };
    const worker = await startService(inferenceWorker, { env, authenticator, eventLog: log });
    const gateway = await startService(inferenceGateway, {
      env: { ...env, WORKER_GRPC: `127.0.0.1:${worker.grpcPort}`, SETTLEMENT_GRPC: settlement.address },
      authenticator,
      eventLog: log,
    });
    const baseURL = `http://127.0.0.1:${gateway.httpPort}/v1`;
    const client = new OpenAI({ apiKey: 'any', baseURL, maxRetries: 0 });
    const parts = { gateway, worker, settlement: settlement.server, log, dir };
    const started = new ServedModels(client, parts);
    await log.subscribe({
      group: 'observer',
      topics: [topics.inferenceServed.name],
      handle: async ({ body }) => {
        started.served.push(decodeEvent(topics.inferenceServed, body));
      },
    });
    await started.deploy(models, await modelFolderDigest(modelDir));
    return started;
  }

  blobs(): Promise<FolderBlobStore> {
    return FolderBlobStore.open(join(this.parts.dir, 'blobs'));
  }

  /** A number that the worker's metrics show. */
  async workerMetric(name: string): Promise<number> {
    const response = await fetch(`http://127.0.0.1:${this.parts.worker.httpPort}/metrics`);
    const line = (await response.text()).split('\n').find((one) => one.split(/[ {]/, 1)[0] === name);
    if (!line) throw new Error(`no metric ${name}`);
    return Number(line.split(' ').at(-1));
  }

  async stop(): Promise<void> {
    const { gateway, worker, settlement, log, dir } = this.parts;
    await gateway.stop();
    await worker.stop();
    settlement.forceShutdown();
    await log.close();
    await rm(dir, { recursive: true });
  }

  private async deploy(models: number, baseDigest: string): Promise<void> {
    const blobs = await this.blobs();
    for (let index = 0; index < models; index += 1) {
      const name = `model-${index}`;
      const { digest, config, weights } = tinyAdapter(index);
      this.digests.set(name, digest);
      const model = deployedModel({
        name,
        developerOrganisationId: 'developer',
        baseDigest,
        adapterDigest: digest,
        adapterConfigBlob: await blobs.put(config),
        adapterWeightsBlob: await blobs.put(weights),
        lineageBlob: '',
        price: PRICE,
        trainingLogBlob: '',
      });
      await publish(this.parts.log, topics.modelDeployed, model);
    }
    // And the base.
    await eventually(async () => expect((await this.client.models.list()).data).toHaveLength(models + 1));
  }
}
