import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomTokens, tinyModels, tinyWeights } from '../../test/tiny-model.js';
import type { Tensor } from '../model.js';
import { completionExample } from '../run/batch.js';
import { shuffledBatches, streamBatches } from './batches.js';
import { type Progress, Trainer } from './trainer.js';

const config = tinyModels.llama;
const options = { seed: 1, maxLength: 32, threads: 1 };
const schedule = { learningRate: 5e-3, steps: 30, warmupSteps: 3, finalShare: 0.1 };
const cycle = Int32Array.from({ length: 2000 }, (_, i) => (i * 7) % config.vocabSize);

function copyOf(tensors: ReadonlyMap<string, Tensor>): Record<string, number[]> {
  return Object.fromEntries([...tensors].map(([name, { data }]) => [name, [...data]]));
}

describe('Trainer', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'trainer-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('learns a sequence from scratch and predicts one it did not see', async () => {
    const trainer = await Trainer.forAll(config, options);
    const unseen = [completionExample(cycle.subarray(1001, 1033))];
    const before = await trainer.evaluate(unseen);
    const seen: Progress[] = [];
    await trainer.train({
      batches: streamBatches(cycle, { rows: 8, length: 32 }, 3),
      schedule: { ...schedule, learningRate: 1e-2, steps: 80 },
      onProgress: (progress) => void seen.push(progress),
    });
    const after = await trainer.evaluate(unseen);
    expect(before.loss).toBeCloseTo(Math.log(config.vocabSize), 0);
    expect(after.loss).toBeLessThan(0.2);
    expect(after.perplexity).toBeCloseTo(Math.exp(after.loss), 6);
    expect(after.scoredTokens).toBe(31);
    expect(seen.map(({ step }) => step)).toEqual(Array.from({ length: 80 }, (_, i) => i + 1));
    expect(seen.every(({ tokensPerSecond }) => tokensPerSecond > 0)).toBe(true);
    await trainer.release();
  });

  it('trains an adapter and leaves the base model alone', async () => {
    const weights = tinyWeights(config);
    const before = copyOf(weights);
    const lora = { rank: 4, alpha: 8, targetModules: ['q_proj', 'v_proj', 'down_proj'] as const };
    const trainer = await Trainer.forLora({ config, weights }, lora, options);
    const examples = [0, 1, 2, 3].map((seed) => completionExample(randomTokens(20, config, seed), 10));
    const start = await trainer.evaluate(examples);
    await trainer.train({
      batches: shuffledBatches(examples, 4, 1),
      schedule: { ...schedule, learningRate: 3e-2 },
    });
    const end = await trainer.evaluate(examples);
    expect(end.loss).toBeLessThan(0.6 * start.loss);
    expect(copyOf(weights)).toEqual(before);
    await trainer.release();
  });

  it('gives the same weights whether run through, interrupted, or in small passes', async () => {
    const lora = { rank: 2, alpha: 4, targetModules: ['q_proj', 'up_proj'] as const };
    const weights = tinyWeights(config);
    const examples = [5, 6, 7, 8, 9, 10].map((seed) => completionExample(randomTokens(16, config, seed), 4));
    const run = { batches: shuffledBatches(examples, 4, 2), schedule: { ...schedule, steps: 12 } };

    const whole = await Trainer.forLora({ config, weights }, lora, options);
    await whole.train(run);

    const stop = new AbortController();
    const checkpoint = { folder, everySteps: 5 };
    const first = await Trainer.forLora({ config, weights }, lora, options);
    const interrupted = first.train({
      ...run,
      checkpoint,
      signal: stop.signal,
      onProgress: ({ step }) => {
        if (step === 7) stop.abort(new Error('stopped'));
      },
    });
    await expect(interrupted).rejects.toThrow('stopped');
    expect(await readdir(folder)).toEqual(['checkpoint.safetensors']);
    const second = await Trainer.forLora({ config, weights }, lora, { ...options, seed: 99 });
    const steps: number[] = [];
    await second.train({ ...run, checkpoint, onProgress: ({ step }) => void steps.push(step) });
    expect(steps).toEqual([8, 9, 10, 11, 12]);
    expect(copyOf(second.tensors)).toEqual(copyOf(whole.tensors));
    expect(second.losses).toEqual(whole.losses);
    expect(second.losses).toHaveLength(12);

    const small = await Trainer.forLora({ config, weights }, lora, options);
    await small.train({ ...run, microBatchRows: 3 });
    for (const [name, values] of Object.entries(copyOf(small.tensors))) {
      const expected = whole.tensors.get(name)?.data ?? [];
      expect(Math.max(...values.map((value, i) => Math.abs(value - (expected[i] ?? 0))))).toBeLessThan(1e-4);
    }
    for (const trainer of [whole, first, second, small]) await trainer.release();
  });

  it('refuses a checkpoint of another model and a batch without labels', async () => {
    const trainer = await Trainer.forAll(config, options);
    await trainer.save(folder);
    const other = await Trainer.forAll(tinyModels.mistral, options);
    await expect(other.resume(folder)).rejects.toMatchObject({ code: 'CHECKPOINT_MISMATCH' });
    const unlabelled = { inputIds: [1, 2, 3], labels: [-100, -100, -100] };
    await expect(trainer.train({ batches: () => [unlabelled], schedule })).rejects.toMatchObject({
      code: 'NOTHING_TO_LEARN',
    });
    for (const each of [trainer, other]) await each.release();
  });
});
