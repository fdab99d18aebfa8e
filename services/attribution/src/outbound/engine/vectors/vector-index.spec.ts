import { mkdtemp, readFile, truncate, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FolderBlobStore } from '@openledger/blob-store';
import fc from 'fast-check';
import { exactProduct, natsOf, quantiseQuery } from '../../../domain/vectors/quantise.js';
import type { VectorRow } from '../../../domain/vectors/vector-table.js';
import { ScanThreads } from './scan-threads.js';
import { readManifest } from './stored-index.js';
import { StreamedIndex } from './streamed-index.js';
import { VectorIndex } from './vector-index.js';

const K = 32;
const SMALL = { blockRows: 4 };
const threads = new ScanThreads(1);
const code = (value: string) => expect.objectContaining({ code: value });
const wave = (seed: number, length = K) =>
  Float64Array.from({ length }, (_, i) => Math.sin(seed * 12.9 + i * (1 + (seed % 5))));
const row = (record: number): VectorRow => ({ vector: wave(record), record, cluster: record % 3 });
const rows = (count: number, from = 0) => Array.from({ length: count }, (_, i) => row(from + i));
const query = quantiseQuery(wave(0.5));

const openStore = async () => {
  const dir = await mkdtemp(join(tmpdir(), 'vectors-'));
  return { dir, blobs: await FolderBlobStore.open(dir) };
};

/** Everything of an index that a receipt may say, by the number of the record. */
async function saidBy(index: VectorIndex) {
  const scores = await index.scores(query);
  const groups = Uint32Array.from(index.clusters);
  return {
    scores: [...index.records].flatMap((record, at) =>
      index.removed[at] === 1 ? [] : [[record, scores[at]]],
    ),
    top: (await index.scan(query, { top: 5 })).map(({ record, product, nats, cluster }) => [
      record,
      product,
      nats,
      cluster,
    ]),
    clusters: await index.sums({ groups, count: 3 }).scores(query),
  };
}

describe('VectorIndex', () => {
  it('scores as integers say, and finds the best', async () => {
    const index = VectorIndex.build(K, rows(50), threads);
    const scores = await index.scores(query);
    const expected = Array.from({ length: 50 }, (_, at) => {
      const { values, scale } = index.row(at);
      return natsOf(exactProduct(values, query.values), scale, query.scale);
    });
    expect([...scores]).toEqual(expected);
    const best = [...scores.keys()].sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0)).slice(0, 7);
    const found = await index.scan(query, { top: 7 });
    expect(found.map((one) => one.row)).toEqual(best);
    expect(found.map((one) => one.nats)).toEqual(best.map((at) => scores[at]));
  });

  it('orders equal scores by record, also when all are zero', async () => {
    const same = [9, 3, 7, 1, 5].map((record) => ({ ...row(1), record }));
    const index = VectorIndex.build(K, same, threads);
    expect((await index.scan(query, { top: 3 })).map(({ record }) => record)).toEqual([1, 3, 5]);
    const nothing = quantiseQuery(new Float32Array(K));
    const zeros = await index.scan(nothing, { top: 9 });
    expect(zeros.map(({ record, nats }) => [record, nats])).toEqual(
      [1, 3, 5, 7, 9].map((record) => [record, 0]),
    );
    expect(await index.scan(query, { top: 0 })).toEqual([]);
  });

  it('compares a shorter query with the beginning of each row', async () => {
    const index = VectorIndex.build(K, rows(20), threads);
    const short = quantiseQuery(wave(0.5, 16));
    const scores = await index.scores(short);
    for (const at of [0, 7, 19]) {
      const { values, scale } = index.row(at);
      expect(scores[at]).toBe(natsOf(exactProduct(values, short.values), scale, short.scale));
    }
  });

  it('refuses queries whose products would not be exact', async () => {
    const index = VectorIndex.build(K, rows(3), threads);
    const wrong = [
      { values: new Int16Array(K).fill(30_000), scale: 1 },
      { values: new Int16Array(K + 16), scale: 1 },
      { values: new Int16Array(8), scale: 1 },
      { values: new Int16Array(0), scale: 1 },
      { values: new Int16Array(K), scale: Number.NaN },
    ];
    const sums = index.sums({ groups: new Uint32Array(3), count: 1 });
    for (const bad of wrong) {
      await expect(index.scan(bad, { top: 1 })).rejects.toEqual(code('QUERY_INVALID'));
      await expect(sums.scores(bad)).rejects.toEqual(code('QUERY_INVALID'));
    }
    for (const top of [-1, 0.5, 10_001, Number.NaN]) {
      await expect(index.scan(query, { top })).rejects.toEqual(code('QUERY_INVALID'));
    }
  });

  it('pays a group what its rows score together, but for the rounding of its sum', async () => {
    const index = VectorIndex.build(K, rows(90), threads);
    index.remove([7, 8]);
    const groups = Uint32Array.from({ length: index.rows }, (_, at) => at % 4);
    const scores = await index.scores(query);
    const sums = index.sums({ groups, count: 4 });
    const paid = await sums.scores(query);
    for (const group of groups.subarray(0, 4)) {
      const together = scores.reduce((sum, score, at) => sum + (groups[at] === group ? score : 0), 0);
      const { values, scale } = sums.group(group);
      // At most half a step of each number of the sum, times the numbers of the query.
      const rounding =
        0.5 * scale * query.scale * query.values.reduce((sum, value) => sum + Math.abs(value), 0);
      expect(Math.abs((paid[group] ?? Number.NaN) - together)).toBeLessThanOrEqual(1.0001 * rounding);
      expect(paid[group]).toBe(natsOf(exactProduct(values, query.values), scale, query.scale));
    }
  });

  it('says the same after any appending, removing, storing and opening as a fresh index', async () => {
    const { blobs } = await openStore();
    const steps = fc.array(
      fc.oneof(
        fc.record({ append: fc.array(fc.nat(30), { maxLength: 9 }) }),
        fc.record({ remove: fc.array(fc.nat(30), { maxLength: 6 }) }),
        fc.constant('reopen' as const),
      ),
      { maxLength: 8 },
    );
    const property = fc.asyncProperty(steps, async (order) => {
      let index = VectorIndex.build(K, [], threads, SMALL);
      let expected: number[] = [];
      for (const step of order) {
        if (step === 'reopen') {
          const { root } = index;
          index = await VectorIndex.open(blobs, await index.store(blobs), threads);
          expect(index.root).toBe(root);
        } else if ('append' in step) {
          index.append(step.append.map(row));
          expected.push(...step.append);
        } else {
          index.remove(step.remove);
          expected = expected.filter((record) => !step.remove.includes(record));
        }
      }
      const fresh = VectorIndex.build(K, expected.map(row), threads, SMALL);
      expect(await saidBy(index)).toEqual(await saidBy(fresh));
      const streamed = await StreamedIndex.open(blobs, await index.store(blobs), threads);
      expect(streamed.root).toBe(index.root);
      expect(await streamed.scan(query, { top: 5 })).toEqual(await index.scan(query, { top: 5 }));
    });
    await fc.assert(property, { numRuns: 40 });
  });

  it('has a root that follows from its content alone, and another for any change', () => {
    const build = (list: readonly VectorRow[], blockRows = 4) =>
      VectorIndex.build(K, list, threads, { blockRows });
    const { root } = build(rows(9));
    expect(build(rows(9)).root).toBe(root);
    const removed = build(rows(9));
    removed.remove([4]);
    const others = [build(rows(8)), build(rows(9, 1)), build(rows(9), 3), build(rows(9).reverse()), removed];
    const renamed = rows(9).map((one) => (one.record === 3 ? { ...one, cluster: 2 } : one));
    expect(new Set([root, build(renamed).root, ...others.map((index) => index.root)]).size).toBe(7);
  });
});

describe('a stored index', () => {
  /** Blocks, tombstones and description of an index of three blocks and one removed row. */
  async function stored() {
    const { dir, blobs } = await openStore();
    const index = VectorIndex.build(K, rows(10), threads, SMALL);
    index.remove([2]);
    const digest = await index.store(blobs);
    const [shard] = (await readManifest(blobs, digest)).shards;
    const parts = [...(shard?.blocks ?? []), shard?.tombstones?.blob ?? '', digest];
    expect(parts).toHaveLength(5);
    const open = () => VectorIndex.open(blobs, digest, threads);
    return {
      open,
      blobs,
      index,
      parts,
      fileOf: (part: string) => join(dir, part.slice(0, 2), part.slice(2)),
    };
  }

  it('is refused when any byte of it changed, naming the part and its digest', async () => {
    const { open, parts, fileOf } = await stored();
    await open();
    const property = fc.asyncProperty(
      fc.constantFrom(...parts),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      async (part, at, flip) => {
        const file = fileOf(part);
        const sound = await readFile(file);
        const damaged = Buffer.from(sound);
        const index = at % damaged.length;
        damaged[index] = (damaged[index] ?? 0) ^ flip;
        await writeFile(file, damaged);
        await expect(open()).rejects.toMatchObject({
          code: 'INDEX_CORRUPT',
          message: expect.stringContaining(part),
        });
        await writeFile(file, sound);
      },
    );
    await fc.assert(property, { numRuns: 60 });
    await open();
  });

  it('is refused in the middle of a streamed scan', async () => {
    const { blobs, parts, fileOf } = await stored();
    const streamed = await StreamedIndex.open(blobs, parts.at(-1) ?? '', threads);
    await streamed.scan(query, { top: 1 });
    for (const part of parts.slice(0, -1)) {
      const sound = await readFile(fileOf(part));
      await truncate(fileOf(part), sound.length - 1);
      await expect(streamed.scan(query, { top: 1 })).rejects.toMatchObject({
        code: 'INDEX_CORRUPT',
        message: expect.stringContaining(part),
      });
      await writeFile(fileOf(part), sound);
    }
  });

  it('is refused when a part is cut short or gone', async () => {
    const { open, parts, fileOf } = await stored();
    for (const part of parts) {
      const sound = await readFile(fileOf(part));
      await truncate(fileOf(part), sound.length - 1);
      await expect(open()).rejects.toMatchObject({
        code: 'INDEX_CORRUPT',
        message: expect.stringContaining(part),
      });
      await unlink(fileOf(part));
      await expect(open()).rejects.toMatchObject({
        code: 'INDEX_CORRUPT',
        message: expect.stringContaining(part),
      });
      await writeFile(fileOf(part), sound);
    }
    await open();
  });

  it('is refused when its description was made up', async () => {
    const { blobs, parts } = await stored();
    const digest = parts.at(-1) ?? '';
    const manifest = await readManifest(blobs, digest);
    const [shard] = manifest.shards;
    const forged: readonly object[] = [
      {},
      { ...manifest, k: 64 },
      { ...manifest, k: 20 },
      { ...manifest, root: '0'.repeat(64) },
      { ...manifest, shards: [{ ...shard, rows: 11 }] },
      { ...manifest, shards: [{ ...shard, rows: 13 }] },
      { ...manifest, shards: [{ ...shard, tombstones: { ...shard?.tombstones, dead: 2 } }] },
      { ...manifest, shards: [{ ...shard, blocks: [] }] },
      { ...manifest, extra: 1 },
    ];
    for (const one of forged) {
      const made = await blobs.put(Buffer.from(JSON.stringify(one)));
      await expect(VectorIndex.open(blobs, made, threads)).rejects.toMatchObject({
        code: expect.stringMatching(/INDEX_CORRUPT|VECTOR_LENGTH/),
      });
    }
    await expect(VectorIndex.open(blobs, await blobs.put(Buffer.from('{')), threads)).rejects.toEqual(
      code('INDEX_CORRUPT'),
    );
  });

  it('writes again only what changed', async () => {
    const { blobs } = await openStore();
    const index = VectorIndex.build(K, rows(20), threads, SMALL);
    const first = await readManifest(blobs, await index.store(blobs));
    index.append(rows(3, 100));
    const second = await readManifest(blobs, await index.store(blobs));
    expect(second.shards[0]).toEqual(first.shards[0]);
    expect(second.shards).toHaveLength(2);
    index.remove([1, 2]);
    const third = await readManifest(blobs, await index.store(blobs));
    expect(third.shards.map(({ blocks }) => blocks)).toEqual(second.shards.map(({ blocks }) => blocks));
    expect(third.shards[0]?.tombstones?.dead).toBe(2);
    // The fifth of a shard is gone: it is written without them.
    index.remove([3, 4]);
    const fourth = await readManifest(blobs, await index.store(blobs));
    expect(fourth.shards.map((shard) => [shard.rows, shard.tombstones])).toEqual([
      [16, null],
      [3, null],
    ]);
  });
});
