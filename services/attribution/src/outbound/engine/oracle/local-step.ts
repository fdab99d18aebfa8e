import { type Example, flatten, GradientSession, type LoraWeights, unflatten } from '@openledger/transformer';
import type { Training } from './trained-run.js';

/** Length of the step relative to the tensors: large against rounding, small against curvature. */
const RELATIVE_STEP = 0.02;
const ROWS_AT_ONCE = 8;

/** Where a step is taken: an adapter, and the second moments v̂ that it was trained with. */
export interface LocalPoint {
  readonly tensors: LoraWeights;
  readonly secondMoments: LoraWeights;
}

export interface LocalStepQuestion {
  readonly training: Training;
  readonly point: LocalPoint;
  /** Examples of each group. */
  readonly groups: readonly (readonly number[])[];
  /** Losses of the queries with an adapter as it is. */
  readonly lossesOf: (tensors: LoraWeights) => Promise<Float64Array>;
}

/**
 * Nats of each query's loss that each group of examples removes, to first order at one point: a step of training on
 * the group is taken back, θ + s·D·Σg with Adam's metric D = 1/√(v̂ + ε), and the rise of the loss divided by s. Cheap,
 * and no more than a check of inner products by forward passes.
 *
 * @returns one row a query, one number a group.
 */
export async function localSteps(
  { training, point, groups, lossesOf }: LocalStepQuestion,
  signal?: AbortSignal,
): Promise<number[][]> {
  const { base, recipe, examples, options } = training;
  const limits = { ...options, maxLength: recipe.maxTokens };
  const session = await GradientSession.forLora(base.config, base.weights, recipe.lora, limits);
  try {
    const shapes = session.trained;
    const tensors = flatten(shapes, point.tensors);
    const metric = flatten(shapes, point.secondMoments).map(
      (moment) => 1 / Math.sqrt(moment + recipe.optimizer.epsilonRoot),
    );
    const before = await lossesOf(point.tensors);
    const rows = Array.from(before, (): number[] => []);
    for (const group of groups) {
      const members = group.flatMap((index) => examples[index] ?? []);
      const gradient = await sumOfGradients(session, point.tensors, members, signal);
      const step = gradient.map((value, i) => value * (metric[i] ?? 0));
      const length = norm(step);
      const scale = length > 0 ? (RELATIVE_STEP * norm(tensors)) / length : 0;
      const back = tensors.map((value, i) => value + scale * (step[i] ?? 0));
      const after = scale > 0 ? await lossesOf(unflatten(shapes, back)) : before;
      for (const [q, row] of rows.entries()) {
        row.push(scale > 0 ? ((after[q] ?? 0) - (before[q] ?? 0)) / scale : 0);
      }
    }
    return rows;
  } finally {
    await session.release();
  }
}

async function sumOfGradients(
  session: GradientSession,
  tensors: LoraWeights,
  examples: readonly Example[],
  signal: AbortSignal | undefined,
): Promise<Float32Array> {
  let sum: Float32Array | undefined;
  for (let at = 0; at < examples.length; at += ROWS_AT_ONCE) {
    signal?.throwIfAborted();
    const { gradients } = await session.gradients(tensors, examples.slice(at, at + ROWS_AT_ONCE), 1);
    const part = flatten(session.trained, gradients);
    sum = sum?.map((value, i) => value + (part[i] ?? 0)) ?? part;
  }
  return sum ?? flatten(session.trained, tensors).fill(0);
}

function norm(vector: Float32Array): number {
  return Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
}
