import type { LoraWeights, RecipeRun, Retraining, StepState, Tensor } from '@openledger/transformer';
import type { Trajectory } from './trajectory-rows.js';

/** Points of a training, the last at its end. */
const POINTS = 6;

/** Trains by the recipe and keeps what influence is measured from. */
export async function runTrajectory(
  run: RecipeRun,
  { beta2, epsilonRoot }: { readonly beta2: number; readonly epsilonRoot: number },
  retraining: Omit<Retraining, 'onStep'> = {},
): Promise<Trajectory> {
  const kept = Array.from({ length: POINTS }, (_, i) => Math.round(((i + 1) * run.steps) / POINTS));
  const rates = ratesAround(kept, run.steps, (step) => run.learningRate(step));
  const points: Trajectory['points'][number][] = [];
  const end = await run.train({
    ...retraining,
    onStep: (state) => {
      const point = kept.indexOf(state.step - 1);
      if (point < 0) return;
      points.push({
        tensors: copied(state.tensors),
        secondMoments: correctedMoments(state, beta2),
        learningRateSum: rates[point] ?? 0,
      });
    },
  });
  points.push({ ...end, learningRateSum: rates[POINTS - 1] ?? 0 });
  return { points, epsilonRoot };
}

/** Σ of the learning rates of the steps that each checkpoint is nearest to; `steps` are those done at each. */
export function ratesAround(
  steps: readonly number[],
  last: number,
  rateOf: (step: number) => number,
): number[] {
  const sums = steps.map(() => 0);
  for (let step = 1; step <= last; step++) {
    let nearest = 0;
    for (const [i, done] of steps.entries()) {
      if (Math.abs(done - step) < Math.abs((steps[nearest] ?? 0) - step)) nearest = i;
    }
    sums[nearest] = (sums[nearest] ?? 0) + rateOf(step);
  }
  return sums;
}

const copied = (tensors: ReadonlyMap<string, Tensor>): LoraWeights =>
  new Map([...tensors].map(([name, { shape, data }]) => [name, { shape, data: data.slice() }]));

function correctedMoments({ moments, tensors, step }: StepState, beta2: number): LoraWeights {
  const correction = 1 - beta2 ** (step - 1);
  return new Map(
    [...tensors].map(([name, { shape }]) => {
      const second = moments.get(name)?.second ?? new Float32Array(0);
      return [name, { shape, data: second.map((value) => value / correction) }];
    }),
  );
}
