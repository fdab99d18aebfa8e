import { randomTokens, tinyModels, tinyWeights } from '../../test/tiny-model.js';
import type { Tensor } from '../model.js';
import { completionExample, type Example } from '../run/batch.js';
import { defaultAdamW } from './adamw.js';
import { shuffledBatches } from './batches.js';
import { RecipeRun, type TrainingRecipe } from './recipe-run.js';
import { Trainer } from './trainer.js';

const config = tinyModels.qwen3;
const base = { config, weights: tinyWeights(config) };
const threads = { threads: 1 };
const recipe: TrainingRecipe = {
  lora: { rank: 2, alpha: 4, targetModules: ['q_proj', 'down_proj'] },
  seed: 9,
  batchRows: 4,
  schedule: { learningRate: 2e-2, steps: 9, warmupSteps: 2, finalShare: 0.1 },
  optimizer: { ...defaultAdamW, epsilonRoot: 1e-7, weightDecay: 0.01 },
  maxGradientNorm: 0.5,
  maxTokens: 32,
};
const examples: Example[] = Array.from({ length: 10 }, (_, i) =>
  completionExample(randomTokens(8 + i, config, i + 1), 3),
);

function numbersOf(tensors: ReadonlyMap<string, Tensor>): Record<string, number[]> {
  return Object.fromEntries([...tensors].map(([name, { data }]) => [name, [...data]]));
}

describe('RecipeRun', () => {
  it('gives the tensors of the trainer to the bit, every time', async () => {
    const { lora, seed, maxTokens, optimizer, schedule, batchRows, maxGradientNorm } = recipe;
    const batches = shuffledBatches(examples, batchRows, seed);
    for (const clip of [maxGradientNorm, null]) {
      const options = { seed, maxLength: maxTokens, optimizer, ...threads };
      const trained = await Trainer.forLora(base, lora, options);
      await trained.train({ batches, schedule, maxGradientNorm: clip ?? Number.POSITIVE_INFINITY });
      const run = await RecipeRun.open(base, { ...recipe, maxGradientNorm: clip }, examples, threads);
      const ones = { weights: new Float32Array(examples.length).fill(1) };
      for (const { tensors, secondMoments } of [await run.train(), await run.train(ones)]) {
        expect(numbersOf(tensors)).toEqual(numbersOf(trained.tensors));
        expect(numbersOf(secondMoments)).toEqual(numbersOf(trained.secondMoments()));
      }
      for (const each of [trained, run]) await each.release();
    }
  });

  it('shows every step before it is taken', async () => {
    const run = await RecipeRun.open(base, recipe, examples, threads);
    const steps: number[] = [];
    let shown = 0;
    const { tensors, secondMoments } = await run.train({
      onStep: async ({
        step,
        tensors: before,
        moments,
        gradients,
        loss,
        learningRate,
        scale,
        gradientNorm,
      }) => {
        steps.push(step);
        expect(learningRate).toBe(run.learningRate(step));
        expect(scale).toBe(Math.min(1, 0.5 / gradientNorm));
        const again = await run.gradients(step, before);
        expect(again.loss).toBe(loss);
        expect(numbersOf(again.gradients)).toEqual(numbersOf(gradients));
        const still = [...moments.values()].every(({ first, second }) =>
          [...first, ...second].every((value) => value === 0),
        );
        expect(still).toBe(step === 1);
        shown += 1;
      },
    });
    expect(steps).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(shown).toBe(run.steps);
    expect(new Set([1, 2, 3, 4, 5].flatMap((step) => run.batch(step))).size).toBe(10);
    expect([...tensors.keys()]).toEqual([...run.shapes.keys()]);
    expect([...secondMoments.keys()]).toEqual([...run.shapes.keys()]);
    await run.release();
  });

  it('takes an example of weight 0 as one whose positions weigh nothing, under the same normaliser', async () => {
    const run = await RecipeRun.open(base, recipe, examples, threads);
    const weights = Float32Array.from(examples, (_, i) => (i === 3 ? 0 : 1));
    const without = await run.train({ weights });
    const silent = examples.map((example, i) =>
      i === 3 ? { ...example, weights: new Float32Array(example.labels.length) } : example,
    );
    const other = await RecipeRun.open(base, recipe, silent, threads);
    const step = [1, 2, 3].find((at) => run.batch(at).includes(3)) ?? 0;
    expect(other.normalizer(step)).toBeLessThan(run.normalizer(step));
    const tensors = (await run.train()).tensors;
    const of = async (session: RecipeRun, given?: Float32Array) =>
      (await session.gradients(step, tensors, given)).gradients;
    const removed = await of(run, weights);
    const ratio = other.normalizer(step) / run.normalizer(step);
    for (const [name, { data }] of await of(other)) {
      const expected = removed.get(name)?.data ?? [];
      for (const [i, value] of data.entries())
        expect(Math.abs(value * ratio - (expected[i] ?? 0))).toBeLessThan(1e-7);
    }
    expect(numbersOf(without.tensors)).not.toEqual(numbersOf(tensors));
    for (const each of [run, other]) await each.release();
  });

  it('goes on where a whole batch was removed', async () => {
    const run = await RecipeRun.open(base, recipe, examples, threads);
    const { tensors } = await run.train({ weights: new Float32Array(examples.length) });
    for (const [name, { data }] of tensors) {
      if (name.endsWith('lora_B.weight')) expect(Math.max(...data.map(Math.abs))).toBe(0);
    }
    await expect(run.train({ weights: [1, 2] })).rejects.toMatchObject({ code: 'EXAMPLE_WEIGHTS' });
    await expect(
      run.train({ weights: new Float32Array(examples.length).fill(Number.NaN) }),
    ).rejects.toMatchObject({ code: 'EXAMPLE_WEIGHTS' });
    await run.release();
  });

  it('stops when it is told to, and starts over', async () => {
    const run = await RecipeRun.open(base, recipe, examples, threads);
    const whole = await run.train();
    const stop = new AbortController();
    const steps: number[] = [];
    const aborted = run.train({
      signal: stop.signal,
      onStep: ({ step }) => {
        steps.push(step);
        if (step === 2) setImmediate(() => stop.abort(new Error('enough')));
      },
    });
    await expect(aborted).rejects.toThrow('enough');
    expect(steps.length).toBeLessThan(5);
    expect(numbersOf((await run.train()).tensors)).toEqual(numbersOf(whole.tensors));
    await run.release();
  });
});
