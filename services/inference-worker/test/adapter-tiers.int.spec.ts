import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { adapterDigestOf } from '@openledger/adapters';
import type { AdapterReference } from '@openledger/contracts';
import { sha256 } from '@openledger/kernel';
import { eventually } from '@openledger/testing';
import { WorkerFixture } from './worker-fixture.js';

/** The tiny model's adapters have 7 to 15 kB in memory, by how the kernels want them. */
const MEMORY = 30_000;

const code = (value: number, word: string) =>
  expect.objectContaining({ code: value, details: expect.stringContaining(word) });

/** The value of a metric with these labels. */
async function metric(worker: WorkerFixture, series: string): Promise<number> {
  const line = (await worker.metrics()).split('\n').find((candidate) => candidate.startsWith(`${series} `));
  return Number(line?.slice(series.length));
}

describe('tiers of adapters', () => {
  let worker: WorkerFixture;
  let disk: string;
  const made: AdapterReference[] = [];
  let lastSeed = 100;
  const fresh = async (): Promise<AdapterReference> => {
    lastSeed += 1;
    const adapter = await worker.adapter(lastSeed);
    made.push(adapter);
    return adapter;
  };
  const inMemory = async ({ digest }: AdapterReference) =>
    (await worker.status()).memoryAdapterDigests.includes(digest);

  beforeAll(async () => {
    disk = await mkdtemp(join(tmpdir(), 'adapters-'));
    worker = await WorkerFixture.start({
      // Two adapters of rank 4, in one page each, and memory for a few more.
      ADAPTER_PAGES: '2',
      ADAPTER_CACHE_BYTES: String(MEMORY),
      ADAPTER_DISK_DIR: disk,
    });
  });
  afterAll(async () => {
    await worker.stop();
    await rm(disk, { recursive: true, force: true });
  });

  it('fetches what is about to be used, without being asked to answer', async () => {
    const adapter = await fresh();
    await worker.prefetch(adapter);
    await eventually(async () => expect(await inMemory(adapter)).toBe(true));
    const hits = await metric(worker, 'openlora_adapter_hits_total{tier="memory"}');
    await worker.run('hello', adapter);
    expect(await metric(worker, 'openlora_adapter_hits_total{tier="memory"}')).toBe((hits || 0) + 1);
    expect((await worker.status()).poolAdapterDigests).toContain(adapter.digest);
  });

  it('serves more adapters than the pool and memory hold, each by its own weights', async () => {
    const adapters = await Promise.all(Array.from({ length: 8 }, fresh));
    const alone = new Map<string, string>();
    for (const adapter of adapters)
      alone.set(adapter.digest, (await worker.run('who?', adapter)).tokens.join());
    const mixed = await Promise.all(
      [...adapters, ...adapters].map(
        async (adapter) => [adapter.digest, await worker.run('who?', adapter)] as const,
      ),
    );
    for (const [digest, { tokens, adapterDigests }] of mixed) {
      expect(tokens.join()).toBe(alone.get(digest));
      expect([...adapterDigests]).toEqual([digest]);
    }
    const { poolAdapterDigests, memoryAdapterDigests } = await worker.status();
    expect(poolAdapterDigests.length).toBeLessThanOrEqual(2);
    expect(memoryAdapterDigests.length).toBeLessThan(adapters.length);
    expect(await metric(worker, 'openlora_adapter_bytes{tier="memory"}')).toBeLessThanOrEqual(MEMORY);
    expect(
      await metric(worker, 'openlora_adapter_evictions_total{tier="memory",reason="room"}'),
    ).toBeGreaterThan(0);
    expect(
      await metric(worker, 'openlora_adapter_evictions_total{tier="pool",reason="room"}'),
    ).toBeGreaterThan(0);
    // The second time, they came from the disk beside the worker.
    expect(await metric(worker, 'openlora_adapter_hits_total{tier="disk"}')).toBeGreaterThan(0);
    expect(
      await metric(worker, 'openlora_adapter_load_seconds_count{tier="remote",outcome="loaded"}'),
    ).toBeGreaterThan(0);
  });

  it('keeps a pinned adapter through it all, and no longer than that', async () => {
    const pinned = await fresh();
    await worker.pin(pinned, true);
    const others = await Promise.all(Array.from({ length: 6 }, fresh));
    for (const adapter of [...others, ...others]) await worker.run('x', adapter);
    expect(await inMemory(pinned)).toBe(true);
    expect(await worker.metrics()).toContain(`adapter_name="${pinned.digest}",level="cpu",pinned="true"`);
    await worker.pin(pinned, false);
    expect(await worker.metrics()).not.toContain('pinned="true"');
  });

  it('lets an adapter go when its last answer is finished, and loads it anew meanwhile', async () => {
    const adapter = await fresh();
    const long = { maxTokens: 300, ignoreEos: true };
    const whole = await worker.run('a long story', adapter, long);
    const tokens: number[] = [];
    let unloaded: Promise<unknown> | undefined;
    let meanwhile: ReturnType<typeof worker.run> | undefined;
    for await (const message of worker.call('a long story', adapter, long)) {
      tokens.push(...(message as { tokens: number[] }).tokens);
      unloaded ??= worker.unload(adapter.digest);
      meanwhile ??= eventually(async () => expect(await inMemory(adapter)).toBe(false)).then(() =>
        worker.run('a long story', adapter, long),
      );
    }
    expect(tokens).toEqual(whole.tokens);
    expect((await meanwhile)?.tokens).toEqual(tokens);
    await unloaded;
    expect(await inMemory(adapter)).toBe(true);
    await worker.unload(adapter.digest);
    expect(await inMemory(adapter)).toBe(false);
    await worker.unload(sha256('never heard of'));
  });

  it('says why an adapter cannot be had, to those who asked and for a while only', async () => {
    const files = await fresh();
    const broken = { ...files, digest: sha256('another') };
    await expect(worker.pin(broken, true)).rejects.toEqual(code(status.UNAVAILABLE, 'ADAPTER_UNAVAILABLE'));
    await expect(worker.run('x', broken)).rejects.toEqual(code(status.UNAVAILABLE, 'digest'));
    expect((await worker.run('x', files)).adapterDigests).toEqual(new Set([files.digest]));
    await expect(worker.prefetch({ ...files, weightsBlob: '../../etc/passwd' })).rejects.toEqual(
      code(status.INVALID_ARGUMENT, 'ADAPTER_REFERENCE_INVALID'),
    );
    expect(
      await metric(worker, 'openlora_adapter_load_seconds_count{tier="remote",outcome="failed"}'),
    ).toBeGreaterThan(0);

    const weightsBlob = sha256(Buffer.from('late'));
    const digest = adapterDigestOf({ config: files.configBlob, weights: weightsBlob });
    const late = { ...files, digest, weightsBlob };
    await expect(worker.run('x', late)).rejects.toEqual(code(status.UNAVAILABLE, 'There is no blob'));
    await worker.blobs.put(Buffer.from('late'));
    // Now another reason: the old one has expired.
    await eventually(async () => {
      await expect(worker.run('x', late)).rejects.toEqual(code(status.UNAVAILABLE, 'safetensors'));
    }, 10_000);
  });

  it('believes nothing on its disk that was changed there', async () => {
    const adapter = await fresh();
    const before = await worker.run('truth', adapter);
    await eventually(async () => {
      const found = await readdir(join(disk, adapter.weightsBlob.slice(0, 2)));
      expect(found).toContain(adapter.weightsBlob.slice(2));
    });
    await writeFile(join(disk, adapter.weightsBlob.slice(0, 2), adapter.weightsBlob.slice(2)), 'changed');
    await worker.unload(adapter.digest);
    expect((await worker.run('truth', adapter)).tokens).toEqual(before.tokens);
  });
});
