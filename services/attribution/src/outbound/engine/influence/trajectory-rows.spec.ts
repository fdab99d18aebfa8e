import {
  type Example,
  ExampleGradients,
  flatten,
  RecipeRun,
  seededRandom,
  unflatten,
} from '@openledger/transformer';
import { tinyTask } from '../../../../test/tiny-task.js';
import type { Matrix } from './products.js';
import { runTrajectory } from './run-trajectory.js';
import { endOf, type Trajectory, type TrajectoryPoint, TrajectoryRows } from './trajectory-rows.js';

const STEPS = 12;
const task = tinyTask(2, 6, STEPS);
const { recipe } = task;
const at = ({ columns, data }: Matrix, row: number) => data.subarray(row * columns, (row + 1) * columns);
const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
const lengthOf = (row: Float32Array) => Math.sqrt(dot(row, row));

let gradients: ExampleGradients;
let trajectory: Trajectory;

beforeAll(async () => {
  const run = await RecipeRun.open(task.base, recipe, task.examples, { threads: 1 });
  trajectory = await runTrajectory(run, recipe.optimizer);
  await run.release();
  const { config, weights } = task.base;
  gradients = await ExampleGradients.forLora(config, weights, recipe.lora, {
    maxLength: recipe.maxTokens,
    threads: 1,
  });
});
afterAll(() => gradients.release());

/** D = (v̂ + ε)^(−½) at a point, from the definition. */
const metricAt = (point: TrajectoryPoint) =>
  flatten(gradients.shapes, point.secondMoments).map(
    (moment) => 1 / Math.sqrt(moment + trajectory.epsilonRoot),
  );
const gradientsAt = async (point: TrajectoryPoint, examples: readonly Example[]): Promise<Matrix> => ({
  rows: examples.length,
  columns: gradients.size,
  data: (await gradients.of(point.tensors, examples)).rows,
});

describe('runTrajectory', () => {
  it('keeps six points, the last where training ends', async () => {
    const run = await RecipeRun.open(task.base, recipe, task.examples, { threads: 1 });
    const plain = await run.train({});
    const rates = Array.from({ length: run.steps }, (_, i) => run.learningRate(i + 1));
    await run.release();
    expect(endOf(trajectory)).toMatchObject(plain);
    expect(trajectory.points).toHaveLength(6);
    const sum = trajectory.points.reduce((total, { learningRateSum }) => total + learningRateSum, 0);
    expect(sum).toBeCloseTo(
      rates.reduce((total, rate) => total + rate, 0),
      12,
    );
    const distance = (point: TrajectoryPoint) => {
      const end = flatten(gradients.shapes, endOf(trajectory).tensors);
      return lengthOf(flatten(gradients.shapes, point.tensors).map((value, i) => value - (end[i] ?? 0)));
    };
    const distances = trajectory.points.map(distance);
    expect(distances).toEqual(distances.toSorted((a, b) => b - a));
    expect(distances.filter((value) => value > 0)).toHaveLength(5);
  });
});

describe('TrajectoryRows', () => {
  it('have as products the steps on records along the way, as the answer feels them at the mean of the last five points', async () => {
    const rows = new TrajectoryRows(gradients, trajectory);
    expect(rows.width).toBe(gradients.size);
    const [records, answers] = [await rows.records(task.examples), await rows.answers(task.queries)];
    const last = trajectory.points.slice(-5).map(({ tensors }) => flatten(gradients.shapes, tensors));
    const mean = Float32Array.from({ length: gradients.size }, (_, j) =>
      last.reduce((sum, values) => sum + (values[j] ?? 0) / 5, 0),
    );
    const answering = { ...endOf(trajectory), tensors: unflatten(gradients.shapes, mean) };
    const asked = await gradientsAt(answering, task.queries);
    const whole = trajectory.points.reduce((sum, { learningRateSum }) => sum + learningRateSum, 0);
    const expected = task.examples.map(() => task.queries.map(() => 0));
    for (const point of trajectory.points) {
      const learnt = await gradientsAt(point, task.examples);
      const metric = metricAt(point);
      for (const [i, products] of expected.entries()) {
        const step = at(learnt, i).map((value, j) => value * (metric[j] ?? 0));
        for (const q of products.keys())
          products[q] = (products[q] ?? 0) + (point.learningRateSum / whole) * dot(step, at(asked, q));
      }
    }
    for (const [i, products] of expected.entries()) {
      for (const [q, product] of products.entries()) {
        const error = Math.abs(dot(at(records, i), at(answers, q)) - product);
        expect(error).toBeLessThan(1e-4 * lengthOf(at(records, i)) * lengthOf(at(answers, q)));
      }
    }
  });

  it('say by how much a step on a record makes an answer more likely', async () => {
    const end = endOf(trajectory);
    const rows = new TrajectoryRows(gradients, {
      points: [{ ...end, learningRateSum: 1 }],
      epsilonRoot: trajectory.epsilonRoot,
    });
    const [records, answers] = [await rows.records(task.examples), await rows.answers(task.queries)];
    const learnt = await gradientsAt(end, task.examples);
    const metric = metricAt(end);
    const values = flatten(gradients.shapes, end.tensors);
    let [error, square] = [0, 0];
    for (let i = 0; i < 4; i++) {
      const direction = at(learnt, i).map((value, j) => value * (metric[j] ?? 0));
      const rate = 0.02 / lengthOf(direction);
      const losses = async (sign: number) => {
        const moved = values.map((value, j) => value - sign * rate * (direction[j] ?? 0));
        return (await gradients.of(unflatten(gradients.shapes, moved), task.queries)).losses;
      };
      const [less, more] = [await losses(1), await losses(-1)];
      for (const q of task.queries.keys()) {
        const measured = ((more[q] ?? 0) - (less[q] ?? 0)) / 2;
        const predicted = rate * dot(at(records, i), at(answers, q));
        error += (measured - predicted) ** 2;
        square += measured ** 2;
      }
    }
    expect(square).toBeGreaterThan(0);
    expect(Math.sqrt(error / square)).toBeLessThan(0.02);
  });

  it('lay draws by point, in the metric of each', async () => {
    const rows = new TrajectoryRows(gradients, trajectory);
    const examples = task.examples.slice(0, 3);
    const fisher = await rows.fisher(examples, seededRandom(9));
    expect(fisher.rows).toBe(3 * trajectory.points.length);
    const random = seededRandom(9);
    for (const [p, point] of trajectory.points.entries()) {
      const { rows: drawn } = await gradients.sampled(point.tensors, examples, random);
      const metric = metricAt(point);
      for (let i = 0; i < 3; i++) {
        const own = drawn.subarray(i * gradients.size, (i + 1) * gradients.size);
        const expected = own.map((value, j) => value * Math.sqrt(metric[j] ?? 0));
        const row = at(fisher, 3 * p + i);
        const apart = lengthOf(row.map((value, j) => value - (expected[j] ?? 0)));
        expect(apart).toBeLessThan(1e-5 * lengthOf(expected));
      }
    }
  });

  it('keep products on average where rows are too long and are sketched', async () => {
    const width = 512;
    const [whole, short] = [
      new TrajectoryRows(gradients, trajectory),
      new TrajectoryRows(gradients, trajectory, width),
    ];
    expect(short.width).toBe(width);
    const [records, sketched] = [await whole.records(task.examples), await short.records(task.examples)];
    expect([sketched.rows, sketched.columns]).toEqual([task.examples.length, width]);
    const [answers, asked] = [await whole.answers(task.queries), await short.answers(task.queries)];
    const errors = task.examples.flatMap((_, i) =>
      task.queries.map((__, q) => {
        const [record, answer] = [at(records, i), at(answers, q)];
        const error = dot(at(sketched, i), at(asked, q)) - dot(record, answer);
        return error / (lengthOf(record) * lengthOf(answer));
      }),
    );
    // 1/√width of the lengths each; pairs share rows, so their mean is little better than one.
    for (const error of errors) expect(Math.abs(error)).toBeLessThan(5 / Math.sqrt(width));
    const mean = errors.reduce((sum, error) => sum + error, 0) / errors.length;
    expect(Math.abs(mean)).toBeLessThan(2 / Math.sqrt(width));
  });

  it('are zero of an example that nothing is scored in', async () => {
    const rows = new TrajectoryRows(gradients, trajectory);
    const [example] = task.examples;
    const silent = { ...example, labels: Array.from(example?.labels ?? [], () => -100) } as Example;
    const { data } = await rows.records([silent]);
    expect(data.every((value) => value === 0)).toBe(true);
    expect((await rows.records([])).rows).toBe(0);
  });
});
