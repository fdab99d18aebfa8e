import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { FolderBlobStore } from '@openledger/blob-store';
import {
  decodeEvent,
  type HoldBalanceRequest,
  type InferenceServed,
  SettlementServiceService,
  topics,
} from '@openledger/contracts';
import { PostgresEventLog } from '@openledger/event-log/postgres';
import { inferenceGateway } from '@openledger/inference-gateway';
import { inferenceWorker } from '@openledger/inference-worker';
import { newId } from '@openledger/kernel';
import { createLogger, type RunningService, startService, unary } from '@openledger/service-host';
import { eventually, KnownCallers, publish, testDatabase } from '@openledger/testing';
import { tinyAdapter, writeTinyModel } from '@openledger/testing/tiny-model';
import { modelFolderDigest } from '@openledger/transformer';
import OpenAI from 'openai';

const SERVICE_TOKEN = 'service-token-of-this-test';
const MODELS = 6;

/** Settlement's contract over real gRPC, with money for everybody. */
async function startSettlement(): Promise<{ server: Server; address: string }> {
  const context = { log: createLogger('settlement', 'silent'), serviceToken: SERVICE_TOKEN };
  const server = new Server();
  server.addService(SettlementServiceService, {
    holdBalance: unary(context, async ({ requestId }: HoldBalanceRequest) => ({
      holdId: requestId,
      heldWei: '1',
    })),
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

describe('gateway and worker', () => {
  let dir: string;
  let log: PostgresEventLog;
  let settlement: Server;
  let worker: RunningService;
  let gateway: RunningService;
  let client: OpenAI;
  const served: InferenceServed[] = [];
  const digests = new Map<string, string>();

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'inference-'));
    const modelDir = join(dir, 'tiny');
    await writeTinyModel(modelDir);
    const url = await testDatabase();
    log = await PostgresEventLog.open({ url });
    const started = await startSettlement();
    settlement = started.server;
    const authenticator = new KnownCallers(() => ({ organisationId: 'o' }));
    const env = {
      DATABASE_URL: url,
      SERVICE_TOKEN,
      HTTP_PORT: '0',
      GRPC_PORT: '0',
      LOG_LEVEL: 'silent',
      MODEL_DIR: modelDir,
      BLOB_DIR: join(dir, 'blobs'),
    };
    worker = await startService(inferenceWorker, { env, authenticator, eventLog: log });
    gateway = await startService(inferenceGateway, {
      env: { ...env, WORKER_GRPC: `127.0.0.1:${worker.grpcPort}`, SETTLEMENT_GRPC: started.address },
      authenticator,
      eventLog: log,
    });
    const baseURL = `http://127.0.0.1:${gateway.httpPort}/v1`;
    client = new OpenAI({ apiKey: 'any', baseURL, maxRetries: 0 });
    await log.subscribe({
      group: 'observer',
      topics: [topics.inferenceServed.name],
      handle: async ({ body }) => {
        served.push(decodeEvent(topics.inferenceServed, body));
      },
    });
    await deployAll(await modelFolderDigest(modelDir));
  });
  afterAll(async () => {
    await gateway.stop();
    await worker.stop();
    settlement.forceShutdown();
    await log.close();
    await rm(dir, { recursive: true });
  });

  async function deployAll(baseDigest: string): Promise<void> {
    const blobs = await FolderBlobStore.open(join(dir, 'blobs'));
    for (let index = 0; index < MODELS; index += 1) {
      const name = `model-${index}`;
      const { digest, config, weights } = tinyAdapter(index);
      digests.set(name, digest);
      await publish(log, topics.modelDeployed, {
        modelId: newId(),
        name,
        runId: newId(),
        developerOrganisationId: 'developer',
        baseDigest,
        baseName: 'tiny',
        adapterDigest: digest,
        adapterConfigBlob: await blobs.put(config),
        adapterWeightsBlob: await blobs.put(weights),
        lineageBlob: '',
        datanetIds: [],
        price: undefined,
        trainingLogBlob: '',
        deployedAt: new Date(),
      });
    }
    await eventually(async () => expect((await client.models.list()).data).toHaveLength(MODELS));
  }

  const question = (model: string) => ({
    model,
    messages: [{ role: 'user' as const, content: 'What do you know?' }],
    temperature: 0,
    max_tokens: 24,
  });

  async function plain(model: string): Promise<string> {
    const { choices } = await client.chat.completions.create(question(model));
    return choices[0]?.message.content ?? '';
  }

  async function streamed(model: string): Promise<string> {
    let text = '';
    const stream = await client.chat.completions.create({ ...question(model), stream: true });
    for await (const { choices } of stream) text += choices[0]?.delta.content ?? '';
    return text;
  }

  it('answers many callers of different models at once, each as if it were alone, and receipts each', async () => {
    const alone = new Map<string, string>();
    for (const name of digests.keys()) alone.set(name, await plain(name));
    expect(new Set(alone.values()).size).toBe(MODELS);

    const names = Array.from({ length: 5 }, () => [...digests.keys()]).flat();
    const answers = await Promise.all(
      names.map(async (name, index) => ({ name, text: await (index % 2 === 0 ? plain : streamed)(name) })),
    );
    for (const { name, text } of answers) expect(text).toBe(alone.get(name));

    await eventually(() => expect(served).toHaveLength(MODELS + names.length));
    for (const { modelName, adapterDigest, usage } of served) {
      expect(adapterDigest).toBe(digests.get(modelName));
      expect(usage?.completionTokens).toBeGreaterThan(0);
    }
    expect(new Set(served.map(({ requestId }) => requestId)).size).toBe(served.length);
  });
});
