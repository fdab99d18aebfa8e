import { mkdtemp, readdir, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sha256 } from '@openledger/kernel';
import { DiskCache } from './disk-cache.js';

const blob = (text: string) => {
  const bytes = Buffer.from(text.padEnd(100));
  return { bytes, digest: sha256(bytes) };
};
const [a, b, c, d] = [blob('a'), blob('b'), blob('c'), blob('d')];
const fresh = () => mkdtemp(join(tmpdir(), 'disk-'));
const pathOf = (dir: string, { digest }: { digest: string }) =>
  join(dir, digest.slice(0, 2), digest.slice(2));

describe('DiskCache', () => {
  it('gives back what it took, and stays within its bytes by letting the least used go', async () => {
    const evicted: number[] = [];
    const cache = await DiskCache.open(await fresh(), 250, (bytes) => evicted.push(bytes));
    for (const { digest, bytes } of [a, b]) await cache.put(digest, bytes, 5);
    expect(Buffer.from((await cache.get(a.digest)) ?? [])).toEqual(a.bytes);
    await cache.put(c.digest, c.bytes, 5);
    expect(await cache.get(b.digest)).toBeUndefined();
    expect(await cache.get(a.digest)).toBeDefined();
    expect([cache.bytes, evicted]).toEqual([200, [100]]);
  });

  it('survives a restart, in the order of last use and within a smaller bound', async () => {
    const dir = await fresh();
    const first = await DiskCache.open(dir, 1_000);
    for (const [at, { digest, bytes }] of [a, b, c].entries()) {
      await first.put(digest, bytes, 5);
      await utimes(pathOf(dir, { digest }), 1_000 + at, 1_000 + at);
    }
    await writeFile(join(dir, 'staging', 'half'), 'half');
    const second = await DiskCache.open(dir, 200);
    expect(second.bytes).toBe(200);
    expect(await second.get(a.digest)).toBeUndefined();
    expect(await second.get(c.digest)).toBeDefined();
    expect(await readdir(join(dir, 'staging'))).toEqual([]);
  });

  it('does not believe a damaged file, and takes the blob anew', async () => {
    const dir = await fresh();
    const cache = await DiskCache.open(dir, 1_000);
    await cache.put(a.digest, a.bytes, 5);
    await writeFile(pathOf(dir, a), 'damaged');
    expect(await cache.get(a.digest)).toBeUndefined();
    await cache.put(a.digest, a.bytes, 5);
    expect(await cache.get(a.digest)).toBeDefined();
  });

  it('does not take what is larger than all of it', async () => {
    const cache = await DiskCache.open(await fresh(), 50);
    await cache.put(d.digest, d.bytes, 5);
    expect([await cache.get(d.digest), cache.bytes]).toEqual([undefined, 0]);
  });
});
