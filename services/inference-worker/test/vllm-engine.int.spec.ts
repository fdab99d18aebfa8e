import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FolderBlobStore } from '@openledger/blob-store';
import { newId, sha256 } from '@openledger/kernel';
import { eventually } from '@openledger/testing';
import { tinyAdapter, writeTinyModel } from '@openledger/testing/tiny-model';
import type { AdapterReference, GenerationPiece, GenerationRequest } from '../src/application/generation.js';
import { plainSampling } from '../src/domain/sampling.js';
import { VllmEngine } from '../src/outbound/vllm/vllm-engine.js';
import { VllmServer } from '../src/outbound/vllm/vllm-server.js';
import { VllmStandIn } from './vllm-stand-in.js';

const refused = (code: string) => expect.objectContaining({ code });
const stay = new AbortController().signal;

describe('VllmEngine', () => {
  let dir: string;
  let upstream: VllmStandIn;
  let blobs: FolderBlobStore;
  let engine: VllmEngine;
  const loads: [seconds: number, outcome: string][] = [];

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'vllm-'));
    await writeTinyModel(join(dir, 'tiny'));
    blobs = await FolderBlobStore.open(join(dir, 'blobs'));
    upstream = await VllmStandIn.start();
    engine = await VllmEngine.connect({
      server: new VllmServer({ url: upstream.url, apiKey: '' }),
      modelDir: join(dir, 'tiny'),
      contextTokensMax: 2_048,
      requestsMax: 8,
      adaptersInBatch: 1,
      startTimeoutMs: 0,
      adapters: {
        blobs,
        dir: join(dir, 'adapters'),
        adaptersMax: 2,
        fileBytesMax: 1_000_000,
        rankMax: 4,
        onLoad: (...load) => loads.push(load),
      },
      onError: (error) => {
        throw error;
      },
    });
  });

  afterEach(async () => {
    engine.stop();
    await upstream.stop();
    await rm(dir, { recursive: true });
  });

  async function adapter(seed: number): Promise<AdapterReference> {
    const { config, weights, digest } = tinyAdapter(seed);
    return { digest, configBlob: await blobs.put(config), weightsBlob: await blobs.put(weights) };
  }

  const request = (
    reference?: AdapterReference,
    more: Partial<GenerationRequest> = {},
  ): GenerationRequest => ({
    requestId: newId(),
    tenant: 'acme',
    adapters: reference ? [{ reference, weight: 1 }] : [],
    promptTokens: [1, 2, 3, 4, 5],
    sampling: { ...plainSampling, maxTokens: 20 },
    ...more,
  });

  async function run(asked: GenerationRequest): Promise<GenerationPiece[]> {
    const pieces: GenerationPiece[] = [];
    for await (const piece of engine.generate(asked, stay)) pieces.push(piece);
    return pieces;
  }

  const textOf = (pieces: readonly GenerationPiece[]) => pieces.map(({ text }) => text).join('');

  it('answers under the adapter asked for, with tokens, probabilities, usage and digest', async () => {
    const reference = await adapter(1);
    const sampling = { ...plainSampling, maxTokens: 20, topLogprobs: 2, stop: ['END'] };
    const pieces = await run(request(reference, { sampling }));
    expect(textOf(pieces)).toBe(`adapter@${reference.digest}`.slice(0, 20));
    expect(pieces.flatMap(({ tokens }) => tokens)).toEqual([...Buffer.from(textOf(pieces))]);
    expect(pieces[0]?.logprobs).toEqual([
      {
        token: 97,
        logprob: -0.5,
        top: [
          { token: 97, logprob: -0.5 },
          { token: 98, logprob: -1.5 },
        ],
      },
    ]);
    expect(pieces.at(-1)).toMatchObject({
      finishReason: 'length',
      cachedTokens: 3,
      adapterDigests: [reference.digest],
    });
    expect(upstream.bodies.at(-1)).toMatchObject({
      model: `adapter@${reference.digest}`,
      prompt: [1, 2, 3, 4, 5],
      temperature: 0,
      stop: ['END'],
      cache_salt: 'acme',
      return_token_ids: true,
    });
    expect(textOf(await run(request()))).toBe('tiny');
  });

  it('loads an adapter once for many requests, and lets the one go that was used longest ago', async () => {
    const [a, b, c] = [await adapter(1), await adapter(2), await adapter(3)];
    await Promise.all([run(request(a)), run(request(a)), run(request(b))]);
    expect(upstream.loads).toHaveLength(2);
    await run(request(a));
    await run(request(c));
    expect(upstream.unloads).toEqual([`adapter@${b.digest}`]);
    expect((await readdir(join(dir, 'adapters'))).sort()).toEqual([a.digest, c.digest].sort());
  });

  it('never lets an adapter go that a request uses', async () => {
    upstream.hangAfter = 1;
    const leave = new AbortController();
    const [a, b, c] = [await adapter(1), await adapter(2), await adapter(3)];
    const hanging = await Promise.all(
      [a, b].map(async (reference) => {
        const pieces = engine.generate(request(reference), leave.signal);
        const next = pieces.next();
        await eventually(() => expect(upstream.loads).toContain(`adapter@${reference.digest}`));
        return { pieces, next };
      }),
    );
    await expect(run(request(c))).rejects.toEqual(refused('OVERLOADED'));
    leave.abort();
    await Promise.all(hanging.map(({ next }) => expect(next).rejects.toThrow()));
    upstream.hangAfter = undefined;
    expect(textOf(await run(request(c)))).toContain('adapter@');
  });

  it('unloads an adapter when the last request that uses it has ended, and keeps pinned ones', async () => {
    const [a, b, c] = [await adapter(1), await adapter(2), await adapter(3)];
    upstream.hangAfter = 1;
    const asked = request(a);
    const pieces = engine.generate(asked, stay);
    const first = pieces.next();
    await eventually(() => expect(upstream.loads).toHaveLength(1));
    const gone = engine.adapters.unload(a.digest);
    expect(upstream.unloads).toEqual([]);
    engine.stopRun(asked.requestId);
    await first;
    for await (const piece of pieces) expect(piece.adapterDigests).toEqual([a.digest]);
    await gone;
    expect(upstream.unloads).toEqual([`adapter@${a.digest}`]);

    upstream.hangAfter = undefined;
    await engine.adapters.pin(b, true);
    await run(request(c));
    await run(request(a));
    expect(upstream.unloads.at(-1)).toBe(`adapter@${c.digest}`);
    await expect(engine.adapters.pin(a, true)).rejects.toEqual(refused('ADAPTER_PINS_FULL'));
    expect(engine.load.adapters).toMatchObject({ pinnedDigests: [b.digest], poolDigests: [a.digest] });
  });

  it('loads again what a restarted server has lost', async () => {
    const reference = await adapter(1);
    await run(request(reference));
    upstream.loseAdapters();
    expect(textOf(await run(request(reference)))).toContain(reference.digest.slice(0, 8));
    expect(upstream.loads).toHaveLength(2);
  });

  it('lets no adapter reach the server that is not what was asked for', async () => {
    const [good, other] = [await adapter(1), await adapter(2)];
    const swapped = { ...good, weightsBlob: other.weightsBlob };
    await expect(run(request(swapped))).rejects.toEqual(refused('ADAPTER_UNAVAILABLE'));
    const missing = { ...good, digest: sha256('another'), weightsBlob: sha256('missing') };
    await expect(run(request(missing))).rejects.toEqual(refused('ADAPTER_UNAVAILABLE'));
    expect(upstream.loads).toEqual([]);
    expect(loads.slice(-2).map(([, outcome]) => outcome)).toEqual(['failed', 'failed']);
    expect(textOf(await run(request(good)))).toContain('adapter@');
  });

  it('tells the last piece of a run that is stopped, and breaks it off upstream', async () => {
    upstream.hangAfter = 3;
    const asked = request();
    const pieces: GenerationPiece[] = [];
    for await (const piece of engine.generate(asked, stay)) {
      pieces.push(piece);
      if (pieces.length === 2) engine.stopRun(asked.requestId);
    }
    expect(textOf(pieces)).toBe('tin');
    expect(pieces.at(-1)?.finishReason).toBe('cancelled');
    await eventually(() => expect(upstream.broken).toBe(1));
  });

  it('refuses what the server cannot do', async () => {
    const [a, b] = [await adapter(1), await adapter(2)];
    const both = [a, b].map((reference) => ({ reference, weight: 0.5 }));
    await expect(run(request(undefined, { adapters: both }))).rejects.toEqual(
      refused('ADAPTER_COMPOSITION_UNSUPPORTED'),
    );
    const embedding = { requestId: newId(), tenant: 'acme', adapters: [], tokens: [1, 2] };
    await expect(engine.embed(embedding)).rejects.toEqual(refused('EMBEDDINGS_UNSUPPORTED'));
  });

  it('says so when the server is away', async () => {
    await upstream.stop();
    await expect(run(request())).rejects.toEqual(refused('VLLM_UNAVAILABLE'));
    upstream = await VllmStandIn.start();
  });
});
