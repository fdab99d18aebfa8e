import type { TrainingRecipe } from '@openledger/transformer';
import { tinyTask } from '../../../../test/tiny-task.js';
import { TrainingHistory } from './history.js';
import { metagradients } from './metagradient.js';
import { QueryLosses } from './query-losses.js';
import { Retrainer } from './retrainer.js';
import { openTrainedRun } from './trained-run.js';

const STEPS = 16;
const task = tinyTask(2, 12, STEPS);
const queries = task.queries.slice(0, 3);
/** Change of an example's weight; larger ones meet curvature, smaller ones float32. */
const DELTA = 0.02;
const PROBED = [0, 5, 11, 12, 17, 23];

/** A smooth optimiser, so that a difference of retrains is a derivative. */
const smooth: TrainingRecipe = {
  ...task.recipe,
  optimizer: { ...task.recipe.optimizer, epsilonRoot: 1e-3 },
};
const recipes: readonly (readonly [string, TrainingRecipe])[] = [
  ['without clipping', { ...smooth, maxGradientNorm: null }],
  ['with every step clipped', { ...smooth, maxGradientNorm: 0.2 }],
  ['with weight decay', { ...smooth, optimizer: { ...smooth.optimizer, weightDecay: 0.1 } }],
];

describe('metagradients', () => {
  it.each(recipes)('are the slopes of real retrains, %s', async (_, recipe) => {
    const training = { base: task.base, recipe, examples: task.examples, options: { threads: 1 } };
    const trained = await openTrainedRun(training);
    const queryLosses = await QueryLosses.open(training, queries);
    const retrainer = new Retrainer(trained, queryLosses);
    const effects = await metagradients(trained, await TrainingHistory.record(trained), queries);
    let [error, square] = [0, 0];
    for (const example of PROBED) {
      const weighted = (weight: number) =>
        retrainer.losses(task.examples.map((__, i) => (i === example ? weight : 1)));
      const [more, less] = [await weighted(1 + DELTA), await weighted(1 - DELTA)];
      for (const q of queries.keys()) {
        const slope = ((more[q] ?? 0) - (less[q] ?? 0)) / (2 * DELTA);
        error += ((effects[q]?.[example] ?? 0) - slope) ** 2;
        square += slope ** 2;
      }
    }
    await queryLosses.release();
    await trained.run.release();
    // Measured: 0.0002 to 0.0005, which is also what the retrains' own float32 and δ² leave.
    expect(Math.sqrt(error / square)).toBeLessThan(0.003);
    expect(Math.sqrt(square / (PROBED.length * queries.length))).toBeGreaterThan(0.01);
  });

  it('hardly depend on the length of the finite step, nor on which queries are asked together', async () => {
    const training = { ...task, recipe: smooth, options: { threads: 1 } };
    const trained = await openTrainedRun(training);
    const history = await TrainingHistory.record(trained);
    const [usual] = await metagradients(trained, history, queries);
    for (const relativeStep of [1e-3, 1e-2]) {
      const [other] = await metagradients(trained, history, queries.slice(0, 1), { relativeStep });
      expect(distance(usual, other)).toBeLessThan(0.002);
    }
    await trained.run.release();
  });

  it('tell progress and stop where they are called off', async () => {
    const trained = await openTrainedRun({ ...task, options: { threads: 1 } });
    const history = await TrainingHistory.record(trained);
    const aborting = new AbortController();
    const told: number[] = [];
    const walk = metagradients(trained, history, queries, {
      signal: aborting.signal,
      onProgress: (done, all) => {
        expect(all).toBe(STEPS);
        told.push(done);
        if (done === 3) aborting.abort(new Error('enough'));
      },
    });
    await expect(walk).rejects.toThrow('enough');
    expect(told).toEqual([1, 2, 3]);
    await trained.run.release();
  });
});

/** Length of the difference, relative to the first. */
function distance(one: Float64Array | undefined, two: Float64Array | undefined): number {
  let [difference, length] = [0, 0];
  for (const [i, value] of (one ?? []).entries()) {
    difference += (value - (two?.[i] ?? 0)) ** 2;
    length += value ** 2;
  }
  return Math.sqrt(difference / length);
}
