import {
  InfluenceSpace,
  type Learning,
  type Matrix,
  runTrajectory,
  scoredTokens,
  type Trajectory,
} from '@openledger/attribution/engine';
import { ExampleGradients, type LoraConfig, learningRateAt, RecipeRun } from '@openledger/transformer';
import type { Bed, BedBase } from './bed.js';

/** A trained adapter over what it was trained on. */
export interface TrainedBed {
  readonly trajectory: Trajectory;
  readonly gradients: ExampleGradients;
}

/** Vectors of a bed's examples and queries; their products are influences, in nats. */
export interface BedVectors {
  readonly space: InfluenceSpace;
  readonly records: Matrix;
  readonly queries: Matrix;
}

type Task = Pick<Bed, 'examples' | 'recipe'> & { readonly base: BedBase };

/** Trains by the recipe, once. The caller releases the gradients. */
export async function trained(task: Task, weights?: ArrayLike<number>): Promise<TrainedBed> {
  const { base, examples, recipe } = task;
  const run = await RecipeRun.open(base, recipe, examples, { threads: 1 });
  try {
    const trajectory = await runTrajectory(run, recipe.optimizer, weights ? { weights } : {});
    return { trajectory, gradients: await gradientsOf(base, recipe.lora, recipe.maxTokens) };
  } finally {
    await run.release();
  }
}

const gradientsOf = (base: BedBase, lora: LoraConfig, maxLength: number): Promise<ExampleGradients> =>
  ExampleGradients.forLora(base.config, base.weights, lora, { maxLength, threads: 1 });

/** How much was learnt from the examples of a training. */
export function learningOf({ examples, recipe: { schedule } }: Task): Learning {
  let rateSum = 0;
  for (let step = 1; step <= schedule.steps; step++) rateSum += learningRateAt(step, schedule);
  return {
    rateSum,
    scoredTokens: examples.reduce((sum, example) => sum + scoredTokens(example), 0),
    examples: examples.length,
  };
}

export async function vectorsOf(bed: Bed, of: TrainedBed, dimensions?: number): Promise<BedVectors> {
  const learning = learningOf(bed);
  const { space, records } = await InfluenceSpace.fit(of, bed.examples, learning, {
    threads: 2,
    ...(dimensions !== undefined && { dimensions }),
  });
  return { space, records, queries: await space.answers(bed.queries) };
}

/** The influence of each example on each query, one row a query. */
export function influences({ records, queries }: Pick<BedVectors, 'records' | 'queries'>): Float64Array[] {
  const { columns: k } = records;
  return Array.from({ length: queries.rows }, (_, q) =>
    Float64Array.from({ length: records.rows }, (_unused, i) => {
      let sum = 0;
      for (let d = 0; d < k; d++) sum += (records.data[i * k + d] ?? 0) * (queries.data[q * k + d] ?? 0);
      return sum;
    }),
  );
}
