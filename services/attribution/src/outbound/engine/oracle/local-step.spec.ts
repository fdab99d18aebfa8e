import { ExampleGradients, flatten, type RetrainedAdapter } from '@openledger/transformer';
import { tinyTask } from '../../../../test/tiny-task.js';
import { pearson } from '../../../domain/audit/correlation.js';
import { localSteps } from './local-step.js';
import { QueryLosses } from './query-losses.js';
import { openTrainedRun } from './trained-run.js';

const task = tinyTask(2, 8, 10);
const training = { base: task.base, recipe: task.recipe, examples: task.examples, options: { threads: 1 } };
const groups = [
  [0, 1, 2, 3],
  [4, 5, 6, 7],
  [8, 9],
  [10, 11, 12, 13, 14, 15],
];
let point: RetrainedAdapter;
let queryLosses: QueryLosses;

beforeAll(async () => {
  const { run } = await openTrainedRun(training);
  point = await run.train();
  await run.release();
  queryLosses = await QueryLosses.open(training, task.queries);
});
afterAll(() => queryLosses.release());

const steps = (members: readonly (readonly number[])[], signal?: AbortSignal) =>
  localSteps({ training, point, groups: members, lossesOf: queryLosses.of.bind(queryLosses) }, signal);

/** g_q · D Σg by gradients of single examples. */
async function products(): Promise<number[][]> {
  const limits = { threads: 1, maxLength: task.recipe.maxTokens };
  const gradients = await ExampleGradients.forLora(
    task.base.config,
    task.base.weights,
    task.recipe.lora,
    limits,
  );
  const moments = flatten(gradients.shapes, point.secondMoments);
  const examples = await gradients.of(point.tensors, task.examples);
  const queries = await gradients.of(point.tensors, task.queries);
  await gradients.release();
  const at = (rows: Float32Array, row: number, i: number) => rows[row * moments.length + i] ?? 0;
  return task.queries.map((_, q) =>
    groups.map((group) => {
      let sum = 0;
      for (const [i, moment] of moments.entries()) {
        const step = group.reduce((total, example) => total + at(examples.rows, example, i), 0);
        sum += (at(queries.rows, q, i) * step) / Math.sqrt(moment + task.recipe.optimizer.epsilonRoot);
      }
      return sum;
    }),
  );
}

describe('localSteps', () => {
  it('are the inner products of gradients in the optimiser’s metric, up to curvature', async () => {
    const [measured, expected] = [(await steps(groups)).flat(), (await products()).flat()];
    expect(pearson(measured, expected)).toBeGreaterThan(0.98);
    const slope = measured.reduce((sum, value, i) => sum + value * (expected[i] ?? 0), 0);
    expect(slope / expected.reduce((sum, value) => sum + value ** 2, 0)).toBeCloseTo(1, 0);
  });

  it('are nothing for nobody, and stop when they are called off', async () => {
    expect((await steps([[]])).flat()).toEqual(task.queries.map(() => 0));
    await expect(steps(groups, AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
  });
});
