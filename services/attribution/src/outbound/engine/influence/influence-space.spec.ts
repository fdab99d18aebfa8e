import { ExampleGradients, RecipeRun } from '@openledger/transformer';
import { tinyTask } from '../../../../test/tiny-task.js';
import { InfluenceSpace, rowOf } from './influence-space.js';
import type { Learning } from './projection.js';
import { runTrajectory } from './run-trajectory.js';
import { type Trajectory, TrajectoryRows } from './trajectory-rows.js';

const task = tinyTask(3, 8, 40);
const { recipe } = task;
const DIMENSIONS = 64;
const options = { threads: 1, dimensions: DIMENSIONS };
const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);

let gradients: ExampleGradients;
let trajectory: Trajectory;
let learning: Learning;

beforeAll(async () => {
  const run = await RecipeRun.open(task.base, recipe, task.examples, { threads: 1 });
  trajectory = await runTrajectory(run, recipe.optimizer);
  await run.release();
  const { config, weights } = task.base;
  gradients = await ExampleGradients.forLora(config, weights, recipe.lora, {
    maxLength: recipe.maxTokens,
    threads: 1,
  });
  learning = {
    rateSum: trajectory.points.reduce((sum, { learningRateSum }) => sum + learningRateSum, 0),
    scoredTokens: task.examples.reduce(
      (sum, { labels }) => sum + Array.from(labels).filter((label) => label >= 0).length,
      0,
    ),
    examples: task.examples.length,
  };
});
afterAll(() => gradients.release());

describe('InfluenceSpace', () => {
  it('has the products of the gradient rows, in nats, where nothing is forgotten', async () => {
    const flat = { ...learning, rateSum: 1e-9 };
    const fitted = await InfluenceSpace.fit({ gradients, trajectory }, task.examples, flat, options);
    const { space, records } = fitted;
    expect(space.projection.captured).toBe(1);
    const answers = await space.answers(task.queries);
    const rows = new TrajectoryRows(gradients, trajectory);
    const [learnt, asked] = [await rows.records(task.examples), await rows.answers(task.queries)];
    const nats = flat.rateSum / flat.scoredTokens;
    for (let q = 0; q < task.queries.length; q++) {
      const expected = task.examples.map((_, i) => nats * dot(rowOf(learnt, i), rowOf(asked, q)));
      const size = Math.max(...expected.map(Math.abs));
      for (const [i, value] of expected.entries())
        expect(Math.abs(dot(rowOf(records, i), rowOf(answers, q)) - value)).toBeLessThan(2e-3 * size);
    }
    await space.release();
  });

  it('is the same of the same training, and as it was when it is restored', async () => {
    const progress: [number, number][] = [];
    const report = (done: number, all: number) => progress.push([done, all]);
    const one = await InfluenceSpace.fit({ gradients, trajectory }, task.examples, learning, {
      ...options,
      report,
    });
    const other = await InfluenceSpace.fit({ gradients, trajectory }, task.examples, learning, options);
    expect(other.records).toEqual(one.records);
    expect(other.space.projection).toEqual(one.space.projection);
    expect(progress.at(-1)).toEqual([task.examples.length, task.examples.length]);
    const restored = await InfluenceSpace.restore({ gradients, trajectory }, one.space.projection, {
      threads: 1,
    });
    expect(restored.dimensions).toBe(DIMENSIONS);
    expect(await restored.records(task.examples)).toEqual(one.records);
    expect(await restored.answers(task.queries)).toEqual(await one.space.answers(task.queries));
    for (const { space } of [one, other]) await space.release();
    await restored.release();
  });

  it('finds the record that an answer repeats', async () => {
    const { space, records } = await InfluenceSpace.fit(
      { gradients, trajectory },
      task.examples,
      learning,
      options,
    );
    const answers = await space.answers(task.examples);
    const found = task.examples.filter((_, asked) => {
      const scores = task.examples.map((__, i) => dot(rowOf(records, i), rowOf(answers, asked)));
      return scores.indexOf(Math.max(...scores)) === asked;
    });
    expect(found.length).toBe(task.examples.length);
    await space.release();
  });
});
