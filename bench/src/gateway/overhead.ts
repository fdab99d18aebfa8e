import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { credentials } from '@grpc/grpc-js';
import { RunRequest, type RunResponse, WorkerServiceClient } from '@openledger/contracts';
import { newId } from '@openledger/kernel';
import { serviceMetadata } from '@openledger/service-host';
import { modelFolderDigest } from '@openledger/transformer';
import { type Bench, type BenchContext, median, quantile } from '../bench.js';
import { withDurablePostgres } from '../eventlog/server.js';
import { halfBillion, randomModelFolder } from '../serving/random-model.js';
import { Clockwork } from './clockwork.js';
import { streamCompletion } from './event-stream.js';
import { SERVICE_TOKEN, ServiceProcess } from './service-process.js';
import { StandInWorker } from './stand-in-worker.js';

const STREAMS = 8;
const PROMPT = Array.from({ length: 64 }, (_, at) => at + 1);
const ANSWER_TOKENS = 48;
const ROUNDS = 7;
/** As fast as eight rows of the half-billion model come on a fast core. */
const EVERY_MS = 25;
const TIMED_TOKENS = 200;

/** What callers lose by going through the gateway instead of asking a worker directly. */
export const gatewayOverhead: Bench = {
  name: 'gateway.overhead',
  summary: `${STREAMS} streams through the gateway against the worker's own gRPC: throughput, and time per token`,
  run: (context) =>
    withDurablePostgres(async (postgres) => {
      const dir = await mkdtemp(join(tmpdir(), 'gateway-bench-'));
      try {
        const modelDir = await randomModelFolder(halfBillion);
        const setting = { dir, modelDir, databaseUrl: postgres.url };
        const delays = await timePerToken(setting, context);
        const throughput = await throughputThroughGateway(setting, context);
        return { ...throughput, ...delays, streams: STREAMS };
      } finally {
        await rm(dir, { recursive: true, force: true });
      }
    }),
};

interface Setting {
  readonly dir: string;
  readonly modelDir: string;
  readonly databaseUrl: string;
}

const startGateway = ({ dir, modelDir, databaseUrl }: Setting, workerPort: number): Promise<ServiceProcess> =>
  ServiceProcess.start('inference-gateway', {
    DATABASE_URL: databaseUrl,
    MODEL_DIR: modelDir,
    BLOB_DIR: join(dir, 'blobs'),
    BASE_IS_FREE: 'true',
    SETTLEMENT_GRPC: '127.0.0.1:1',
    WORKER_GRPC: `127.0.0.1:${workerPort}`,
  });

/** Each token carries a number; how long it takes from the worker's hand to the caller's. */
async function timePerToken(setting: Setting, { log }: BenchContext): Promise<Record<string, number>> {
  log(`${STREAMS} streams of ${TIMED_TOKENS} tokens, one each ${EVERY_MS} ms`);
  const clockwork = new Clockwork(EVERY_MS);
  const worker = new StandInWorker(await modelFolderDigest(setting.modelDir), (run) => clockwork.answer(run));
  const port = await worker.listen(SERVICE_TOKEN);
  const client = new WorkerServiceClient(`127.0.0.1:${port}`, credentials.createInsecure());
  const gateway = await startGateway(setting, port);
  const delays: { readonly sse: number[]; readonly direct: number[] } = { sse: [], direct: [] };
  const hear = (list: number[]) => (text: string) => {
    const now = performance.now();
    for (const number of text.trim().split(' '))
      list.push(now - (clockwork.sentAt.get(Number(number)) ?? now));
  };
  try {
    const body = completion(setting.modelDir, TIMED_TOKENS);
    const { httpPort } = gateway.ports;
    await streamCompletion(httpPort, completion(setting.modelDir, 20), () => undefined);
    await together(() => streamCompletion(httpPort, body, hear(delays.sse)));
    await together(() => runDirectly(client, TIMED_TOKENS, hear(delays.direct)));
  } finally {
    client.close();
    await gateway.stop();
    worker.stop();
  }
  return {
    sse_p95_ms: quantile(delays.sse, 0.95) - quantile(delays.direct, 0.95),
    sse_total_p50_ms: quantile(delays.sse, 0.5),
    sse_total_p95_ms: quantile(delays.sse, 0.95),
    grpc_p95_ms: quantile(delays.direct, 0.95),
  };
}

async function throughputThroughGateway(
  setting: Setting,
  { log }: BenchContext,
): Promise<Record<string, number>> {
  const worker = await ServiceProcess.start('inference-worker', {
    DATABASE_URL: setting.databaseUrl,
    MODEL_DIR: setting.modelDir,
    BLOB_DIR: join(setting.dir, 'blobs'),
    BATCH_ROWS_MAX: String(STREAMS),
    ENGINE_PRECISION: 'int8',
    PREFIX_CACHE_BYTES: '0',
  });
  const address = `127.0.0.1:${worker.ports.grpcPort}`;
  const client = new WorkerServiceClient(address, credentials.createInsecure());
  const gateway = await startGateway(setting, worker.ports.grpcPort);
  const ms: { readonly gateway: number[]; readonly direct: number[] } = { gateway: [], direct: [] };
  const nobody = () => undefined;
  try {
    const body = completion(setting.modelDir, ANSWER_TOKENS);
    for (let round = 0; round <= ROUNDS; round += 1) {
      const direct = await together(() => runDirectly(client, ANSWER_TOKENS, nobody));
      const through = await together(() => streamCompletion(gateway.ports.httpPort, body, nobody));
      if (round === 0) continue;
      ms.direct.push(direct);
      ms.gateway.push(through);
      log(
        `round ${round}/${ROUNDS}: ${direct.toFixed(0)} ms directly, ${through.toFixed(0)} ms through the gateway`,
      );
    }
  } finally {
    client.close();
    await gateway.stop();
    await worker.stop();
  }
  const tokens = STREAMS * ANSWER_TOKENS;
  return {
    throughput_loss: 1 - median(ms.direct) / median(ms.gateway),
    gateway_tokens_per_s: (tokens * 1_000) / median(ms.gateway),
    direct_tokens_per_s: (tokens * 1_000) / median(ms.direct),
  };
}

const completion = (modelDir: string, tokens: number): object => ({
  model: basename(modelDir),
  prompt: PROMPT,
  max_tokens: tokens,
  temperature: 0,
  stream: true,
});

async function runDirectly(
  client: WorkerServiceClient,
  tokens: number,
  onText: (text: string) => void,
): Promise<void> {
  const request = RunRequest.fromPartial({
    requestId: newId(),
    promptTokens: PROMPT,
    sampling: { maxTokens: tokens },
  });
  for await (const message of client.run(request, serviceMetadata(SERVICE_TOKEN))) {
    const { text } = message as RunResponse;
    if (text !== '') onText(text);
  }
}

/** Milliseconds until the last of all streams has ended. */
async function together(stream: () => Promise<void>): Promise<number> {
  const begun = performance.now();
  await Promise.all(Array.from({ length: STREAMS }, stream));
  return performance.now() - begun;
}
