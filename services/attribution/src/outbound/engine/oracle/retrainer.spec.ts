import { mkdtemp, readdir, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tinyTask } from '../../../../test/tiny-task.js';
import { QueryLosses, scoredTokens } from './query-losses.js';
import { RetrainCache } from './retrain-cache.js';
import { Retrainer } from './retrainer.js';
import { openTrainedRun, type TrainedRun } from './trained-run.js';

const { base, recipe, examples, queries, owners } = tinyTask(2, 8, 10);
const training = { base, recipe, examples, options: { threads: 1 } };
const ones = new Float64Array(examples.length).fill(1);
let trained: TrainedRun;
let queryLosses: QueryLosses;
let folder: string;

beforeAll(async () => {
  trained = await openTrainedRun(training);
  queryLosses = await QueryLosses.open(training, queries);
  folder = await mkdtemp(join(tmpdir(), 'retrains-'));
});
afterAll(async () => {
  await queryLosses.release();
  await trained.run.release();
  await rm(folder, { recursive: true });
});

describe('Retrainer', () => {
  it('asks the adapter that the training gives', async () => {
    const { tensors } = await trained.run.train();
    const retrainer = new Retrainer(trained, queryLosses);
    expect(await retrainer.losses(ones)).toEqual(await queryLosses.of(tensors));
    expect(retrainer.secondsPerRetrain).toBeGreaterThan(0);
  });

  it('is the base model without examples, and worse for a contributor who is left out', async () => {
    const retrainer = new Retrainer(trained, queryLosses);
    expect(await retrainer.losses(ones.map(() => 0))).toEqual(await queryLosses.untrained());
    const full = await retrainer.losses(ones);
    const without = await retrainer.losses(owners.map((owner) => (owner === owners[0] ? 0 : 1)));
    // The first two queries are his.
    const rise = [0, 1].reduce((sum, q) => sum + (without[q] ?? 0) - (full[q] ?? 0), 0);
    expect(rise).toBeGreaterThan(0.5);
  });

  it('does nothing when it is called off', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(new Retrainer(trained, queryLosses).losses(ones, signal)).rejects.toThrow('enough');
  });
});

describe('RetrainCache', () => {
  it('keeps results by what decides them', async () => {
    const cache = await RetrainCache.open(folder, training, queries);
    const losses = await new Retrainer(trained, queryLosses, cache).losses(ones);
    const again = new Retrainer(trained, queryLosses, await RetrainCache.open(folder, training, queries));
    expect(await again.losses(ones)).toEqual(losses);
    expect(again.secondsPerRetrain).toBeUndefined();
    expect(await cache.read(ones.with(3, 0))).toBeUndefined();
    const others = [
      { ...training, recipe: { ...recipe, seed: recipe.seed + 1 } },
      { ...training, examples: examples.toReversed() },
      { ...training, options: { threads: 2 } },
    ];
    for (const other of others) {
      expect(await (await RetrainCache.open(folder, other, queries)).read(ones)).toBeUndefined();
    }
    expect(await (await RetrainCache.open(folder, training, queries.slice(1))).read(ones)).toBeUndefined();
  });

  it('does not take a file that was cut short', async () => {
    const cache = await RetrainCache.open(folder, training, queries);
    const weights = ones.with(0, 0);
    await cache.write(weights, new Float64Array(queries.length));
    const files = await readdir(folder);
    for (const file of files) await truncate(join(folder, file), 5);
    expect(await cache.read(weights)).toBeUndefined();
    expect(files.every((file) => /^[0-9a-f]{64}\.f64$/.test(file))).toBe(true);
  });
});

describe('scoredTokens', () => {
  it('counts labels', () => {
    expect(queries.map(scoredTokens)).toEqual(queries.map(() => 6));
  });
});
