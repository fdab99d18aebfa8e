import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FolderBlobStore } from '@openledger/blob-store';
import { eventually } from '@openledger/testing';
import { writeTinyModel } from '@openledger/testing/tiny-model';
import type { ModelVersion } from '../src/application/ports.js';
import { ThreadEngine } from '../src/outbound/thread-engine.js';
import { factRecords } from './facts.js';
import { TrainedVersion } from './trained-version.js';

const COPIES = 8;
const ATTEMPTS = 4;
const STEP_MS = 40;

describe('ThreadEngine', () => {
  let dir: string;
  let version: ModelVersion;
  const engines: ThreadEngine[] = [];

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'engine-'));
    const modelDir = join(dir, 'tiny');
    await writeTinyModel(modelDir);
    const records = Array.from({ length: COPIES }, () => factRecords).flat();
    const blobs = await FolderBlobStore.open(join(dir, 'blobs'));
    const plan = { modelDir, epochs: 0.2, batchRows: 6, learningRate: 0.01 };
    const trained = await TrainedVersion.train(blobs, records, plan);
    await trained.release();
    version = { ...trained.event, deployedAt: new Date() };
  }, 60_000);
  afterAll(async () => {
    for (const engine of engines) await engine.close();
    await rm(dir, { recursive: true });
  });

  const open = (idleMs: number) => {
    const [modelDir, blobDir] = [join(dir, 'tiny'), join(dir, 'blobs')];
    const limits = { threads: 1, tokensMax: 256, recordsMax: 10_000 };
    const engine = new ThreadEngine({ idleMs, modelDir, blobDir, ...limits });
    engines.push(engine);
    return engine;
  };
  const index = (engine: ThreadEngine, signal: AbortSignal, onProgress = () => {}) =>
    engine.index(version, { onProgress, signal });
  const never = new AbortController().signal;

  it('ends wherever its work is cut short, and does it again later', async () => {
    const engine = open(60_000);
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const early = AbortSignal.timeout(attempt * STEP_MS);
      await expect(index(engine, early)).rejects.toThrow('thread ended');
      const underWay = new AbortController();
      const cut = index(engine, underWay.signal, () => underWay.abort());
      await expect(cut).rejects.toThrow('thread ended');
    }
    const summary = await index(engine, never);
    expect(summary).toEqual(await index(open(60_000), never));
  }, 90_000);

  it('holds no thread when it is idle, and starts one for the next order', async () => {
    const engine = open(50);
    const summary = await index(engine, never);
    await eventually(() => expect(Reflect.get(engine, 'thread')).toBeUndefined());
    expect(await index(engine, never)).toEqual(summary);
  }, 90_000);
});
