import { tinyTask } from '../../../../test/tiny-task.js';
import { Coalitions } from './coalitions.js';
import { QueryLosses } from './query-losses.js';
import { Retrainer } from './retrainer.js';
import { openTrainedRun, type TrainedRun } from './trained-run.js';

const task = tinyTask(3, 4, 6);
const training = { base: task.base, recipe: task.recipe, examples: task.examples, options: { threads: 1 } };
const groups = [0, 1, 2].map((owner) => [0, 1, 2, 3].map((i) => 4 * owner + i));
const later = Number.POSITIVE_INFINITY;
let trained: TrainedRun;
let queryLosses: QueryLosses;

beforeAll(async () => {
  trained = await openTrainedRun(training);
  queryLosses = await QueryLosses.open(training, task.queries);
});
afterAll(async () => {
  await queryLosses.release();
  await trained.run.release();
});

function coalitions(deadline: number): { readonly all: Coalitions; readonly retrains: () => number } {
  let retrains = 0;
  const onRetrain = () => {
    retrains += 1;
  };
  const retrainer = new Retrainer(trained, queryLosses);
  return { all: new Coalitions(retrainer, groups, { deadline, onRetrain }), retrains: () => retrains };
}

describe('Coalitions', () => {
  it('measure each group by its absence', async () => {
    const retrainer = new Retrainer(trained, queryLosses);
    const full = await retrainer.losses(task.examples.map(() => 1));
    const without = await retrainer.losses(task.examples.map((_, i) => (groups[1]?.includes(i) ? 0 : 1)));
    const { groups: measured, removed } = await coalitions(later).all.leaveOneOut();
    expect(measured).toEqual([0, 1, 2]);
    expect(removed.map((row) => row[1])).toEqual(Array.from(full, (loss, q) => (without[q] ?? 0) - loss));
  });

  it('share out exactly what the training took off, and retrain no coalition twice', async () => {
    const { all, retrains } = coalitions(later);
    await all.leaveOneOut();
    const values = await all.shapley();
    expect(retrains()).toBe(8);
    const [full, none] = [
      await new Retrainer(trained, queryLosses).losses(task.examples.map(() => 1)),
      await queryLosses.untrained(),
    ];
    for (const [q, row] of (values ?? []).entries()) {
      const sum = row.reduce((total, value) => total + value, 0);
      expect(sum).toBeCloseTo((none[q] ?? 0) - (full[q] ?? 0), 9);
    }
    expect(values).toHaveLength(task.queries.length);
  });

  it('say what was not measured in time', async () => {
    const { all } = coalitions(0);
    expect((await all.leaveOneOut()).groups).toEqual([]);
    expect(await all.shapley()).toBeUndefined();
  });
});
