import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ModelDeployed, topics } from '@openledger/contracts';
import { MemoryEventLog } from '@openledger/event-log/memory';
import { inferenceGateway } from '@openledger/inference-gateway';
import type { EngineThread } from '@openledger/inference-worker/engine';
import { newId, sha256 } from '@openledger/kernel';
import { startService } from '@openledger/service-host';
import { KnownCallers, publish } from '@openledger/testing';
import { modelFolderDigest } from '@openledger/transformer';
import pg from 'pg';
import { type Bench, type BenchContext, median } from '../bench.js';
import { withDurablePostgres } from '../eventlog/server.js';
import { AdapterBench } from './adapter-engine.js';
import { randomModelFolder, withLayers } from './random-model.js';

const LAYERS = 4;
const RANK = 16;
/** Adapters between two looks at the process's memory. */
const STEP = 12;
const STEPS = 8;
const REGISTERED = 10_000;

/** Memory of an adapter that is served, and of one that is only known. */
export const servingMemory: Bench = {
  name: 'serving.memory',
  summary: 'bytes of RAM for a resident adapter against its file, and of database for a registered one',
  async run(context) {
    return { ...(await resident(context)), ...(await registered(context)) };
  },
};

async function resident({ log }: BenchContext): Promise<Record<string, number>> {
  const bench = await AdapterBench.open(withLayers(LAYERS));
  try {
    const engine = await bench.engine({ adapterPages: 2, adapterCacheBytes: 2 ** 30 });
    const sizes: number[] = [];
    let seed = 0;
    // The first step also fills what the loader keeps to work with.
    for (let step = 0; step <= STEPS; step += 1) {
      for (let count = 0; count < STEP; count += 1) {
        seed += 1;
        const reference = await bench.store({ rank: RANK, seed });
        engine.adapters.prefetch(reference);
        await arrived(engine, seed);
      }
      sizes.push(await settledMemory());
      log(`${seed} adapters: ${((sizes.at(-1) ?? 0) / 2 ** 20).toFixed(0)} MiB in the process`);
    }
    const slope = slopeOf(sizes.slice(1));
    return {
      per_resident: slope / (STEP * bench.fileBytes),
      per_resident_told: engine.load.adapters.memoryBytes / (seed * bench.fileBytes),
      file_mb: bench.fileBytes / 1e6,
      resident_adapters: seed,
    };
  } finally {
    await bench.close();
  }
}

async function arrived(engine: EngineThread, count: number): Promise<void> {
  while (engine.load.adapters.memoryDigests.length < count) await sleep(5);
}

/** Resident memory of the process, after what nobody holds any more is collected. */
async function settledMemory(): Promise<number> {
  const samples: number[] = [];
  for (let sample = 0; sample < 5; sample += 1) {
    globalThis.gc?.();
    await sleep(40);
    samples.push(process.memoryUsage.rss());
  }
  return median(samples);
}

/** Least squares over equally spaced values. */
function slopeOf(values: readonly number[]): number {
  const middle = (values.length - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  let covariance = 0;
  let variance = 0;
  for (const [at, value] of values.entries()) {
    covariance += (at - middle) * (value - mean);
    variance += (at - middle) ** 2;
  }
  return covariance / variance;
}

/** What a gateway keeps of a model is rows, told to it by events; workers hear of it when it is first used. */
async function registered({ log }: BenchContext): Promise<Record<string, number>> {
  const modelDir = await randomModelFolder(withLayers(LAYERS));
  const baseDigest = await modelFolderDigest(modelDir);
  const dir = await mkdtemp(join(tmpdir(), 'openledger-registered-'));
  const eventLog = new MemoryEventLog();
  await eventLog.createTopics(Object.values(topics));
  try {
    return await withDurablePostgres(async ({ url }) => {
      const gateway = await startService(inferenceGateway, {
        env: {
          DATABASE_URL: url,
          SERVICE_TOKEN: 'service-token-of-this-bench',
          HTTP_PORT: '0',
          GRPC_PORT: '0',
          LOG_LEVEL: 'fatal',
          MODEL_DIR: modelDir,
          BLOB_DIR: dir,
          SETTLEMENT_GRPC: '127.0.0.1:1',
          WORKER_GRPC: '127.0.0.1:1',
        },
        authenticator: new KnownCallers(() => undefined),
        eventLog,
      });
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      try {
        const before = await tableBytes(client);
        for (let index = 0; index < REGISTERED; index += 1) {
          await publish(eventLog, topics.modelDeployed, modelOf(index, { baseDigest, modelDir }));
        }
        while ((await modelCount(client)) < REGISTERED) await sleep(200);
        await client.query('VACUUM');
        const bytes = (await tableBytes(client)) - before;
        log(`${REGISTERED} registered: ${(bytes / 2 ** 20).toFixed(1)} MiB of tables and indexes`);
        return { per_registered_bytes: bytes / REGISTERED, registered: REGISTERED };
      } finally {
        await client.end();
        await gateway.stop();
      }
    });
  } finally {
    await eventLog.close();
    await rm(dir, { recursive: true, force: true });
  }
}

const modelOf = (index: number, base: { readonly baseDigest: string; readonly modelDir: string }) =>
  ModelDeployed.create({
    modelId: newId(),
    name: `adapter-${index}`,
    runId: newId(),
    developerOrganisationId: newId(),
    baseDigest: base.baseDigest,
    baseName: basename(base.modelDir),
    adapterDigest: sha256(`adapter ${index}`),
    adapterConfigBlob: sha256(`config ${index}`),
    adapterWeightsBlob: sha256(`weights ${index}`),
    lineageBlob: sha256(`lineage ${index}`),
    price: { promptWeiPerMillion: '1000000000000000', completionWeiPerMillion: '2000000000000000' },
    deployedAt: new Date(),
  });

/** Everything in the database: tables, indexes and what is remembered of events, the log's own aside. */
async function tableBytes(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ bytes: string }>(
    `SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0) AS bytes FROM pg_class c
     JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema')`,
  );
  return Number(rows[0]?.bytes);
}

async function modelCount(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ count: string }>(
    `SELECT count(*) FROM ${client.escapeIdentifier(await schemaOfModels(client))}.model`,
  );
  return Number(rows[0]?.count);
}

async function schemaOfModels(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ schema: string }>(
    `SELECT table_schema AS schema FROM information_schema.tables WHERE table_name = 'model'`,
  );
  return rows[0]?.schema ?? 'public';
}
