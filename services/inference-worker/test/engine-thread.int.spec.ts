import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '@openledger/testing';
import { writeTinyModel } from '@openledger/testing/tiny-model';
import type { NativeThread } from '@openledger/worker-thread';
import type { GenerationPiece, GenerationRequest } from '../src/application/generation.js';
import { plainSampling } from '../src/domain/sampling.js';
import { EngineThread } from '../src/outbound/engine-thread.js';

describe('EngineThread', () => {
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'engine-'));
    await writeTinyModel(dir);
  });
  afterAll(() => rm(dir, { recursive: true }));

  const crashes: unknown[] = [];
  const start = (modelDir: string) =>
    EngineThread.start({
      engine: {
        modelDir,
        rowsMax: 2,
        prefillChunkTokens: 64,
        contextTokensMax: 512,
        kvCacheBytes: 2 ** 24,
        prefixCacheBytes: 0,
        adapterPages: 8,
        kernels: { precision: 'auto', provider: 'cpu', planDir: undefined },
        adapterCacheBytes: 1_000,
        threads: 1,
      },
      adapters: () => ({ load: () => Promise.reject(new Error('there are none')) }),
      onAdapterNote: () => undefined,
      onStep: () => undefined,
      requests: {
        limits: { requestsMax: 4, tokensMax: 10_000 },
        stream: { piecesMax: 8, stallMs: 60_000 },
        refused: () => undefined,
        heldBack: () => undefined,
      },
      onCrash: (error) => crashes.push(error),
    });
  const request: GenerationRequest = {
    requestId: 'one',
    tenant: '',
    adapters: [],
    promptTokens: [1, 2, 3],
    sampling: { ...plainSampling, maxTokens: 400 },
  };

  const read = async (pieces: AsyncIterable<GenerationPiece>) => {
    const all: GenerationPiece[] = [];
    for await (const piece of pieces) all.push(piece);
    return all;
  };
  /** An order that only a bug could send. */
  const breakThread = (engine: EngineThread) =>
    (Reflect.get(engine, 'thread') as NativeThread).postMessage({ kind: 'adapter', digest: 'none' });

  it('does not start without a model, and says why', async () => {
    await expect(start(join(dir, 'nowhere'))).rejects.toThrow('has no config.json');
  });

  it('starts again when its thread dies, and tells those who waited', async () => {
    const engine = await start(dir);
    try {
      const pieces = engine.generate(request, new AbortController().signal);
      await pieces.next();
      breakThread(engine);
      await expect(read(pieces)).rejects.toEqual(expect.objectContaining({ code: 'ENGINE_UNAVAILABLE' }));
      expect(crashes).toHaveLength(1);
      await eventually(() => expect(engine.isReady).toBe(true));
      const again = await read(engine.generate(request, new AbortController().signal));
      expect(again.at(-1)?.finishReason).toBe('length');
    } finally {
      await engine.stop();
    }
  });

  it('stops wherever it is, and ends the answers with it', async () => {
    const promptTokens = Array.from({ length: 400 }, (_, i) => i % 256);
    for (let attempt = 0; attempt < 10; attempt++) {
      const engine = await start(dir);
      const cut = read(engine.generate({ ...request, promptTokens }, new AbortController().signal));
      const refused = expect(cut).rejects.toEqual(expect.objectContaining({ code: 'ENGINE_UNAVAILABLE' }));
      await delay(attempt);
      await engine.stop();
      await refused;
      expect(engine.isReady).toBe(false);
    }
  }, 60_000);

  it('stops while it is started again', async () => {
    const engine = await start(dir);
    const before = crashes.length;
    breakThread(engine);
    const startedAgain = () => {
      expect(engine.isReady).toBe(false);
      expect(Reflect.get(engine, 'thread')).toBeDefined();
      expect(crashes).toHaveLength(before + 1);
    };
    await eventually(startedAgain);
    await engine.stop();
    expect(Reflect.get(engine, 'thread')).toBeUndefined();
    expect(crashes).toHaveLength(before + 1);
  });
});
