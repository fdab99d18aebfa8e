import { type Estimate, endOf, meanEstimate } from '@openledger/attribution/engine';
import { seededRandom } from '@openledger/transformer';
import type { Bed, BedName } from './bed.js';
import type { TruthPlan } from './ground-truth.js';
import type { TrainedBed } from './influence.js';

const ESTIMATE_SEED = 1;

/**
 * What each bed is retrained without. Both tiny beds take some 300 s of a core, both seedling beds some 1,200 s;
 * what was retrained once is kept.
 */
export const truthPlans: Readonly<Record<BedName, TruthPlan>> = {
  'tiny-s': { half: 60, tenth: 60, otherSeed: 30, contributors: 'SHAPLEY' },
  'tiny-l': { half: 60, tenth: 60, otherSeed: 30, contributors: 'LEAVE_ONE_OUT' },
  'seedling-s': { half: 30, tenth: 30, otherSeed: 12, contributors: 'LEAVE_ONE_OUT' },
  'seedling-l': { half: 30, tenth: 30, otherSeed: 12, contributors: 'LEAVE_ONE_OUT' },
};

/** The mean of one number a query with its 95 % interval; the same one again from the same numbers. */
export const estimate = (values: readonly number[]): Estimate =>
  meanEstimate(values, seededRandom(ESTIMATE_SEED));

/** A figure and the ends of its interval. */
export const named = (name: string, { value, low, high }: Estimate): Record<string, number> => ({
  [name]: value,
  [`${name}_low`]: low,
  [`${name}_high`]: high,
});

export function meanOf(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] ?? 0;
  return sum / values.length;
}

/** How the influences on one query sum up by contributor. */
export function byContributor({ owners, contributors }: Bed, influences: ArrayLike<number>): Float64Array {
  const sums = new Float64Array(contributors.length);
  for (const [i, owner] of owners.entries()) sums[owner] = (sums[owner] ?? 0) + (influences[i] ?? 0);
  return sums;
}

/** GradDot at the finished adapter, one row a query: the plainest rival, on the very same gradients. */
export async function gradDot(
  { examples, queries }: Pick<Bed, 'examples' | 'queries'>,
  { gradients, trajectory }: TrainedBed,
): Promise<Float64Array[]> {
  const { rows } = await gradients.of(endOf(trajectory).tensors, examples);
  const asked = (await gradients.of(endOf(trajectory).tensors, queries)).rows;
  const { size } = gradients;
  return queries.map((_, q) =>
    Float64Array.from(examples, (_unused, i) => {
      let sum = 0;
      for (let d = 0; d < size; d++) sum += (rows[i * size + d] ?? 0) * (asked[q * size + d] ?? 0);
      return sum;
    }),
  );
}

/**
 * Area under the ROC curve: how often a marked value is above one that is not, ties counting half.
 *
 * @param marked one flag a value.
 */
export function auc(values: ArrayLike<number>, marked: readonly boolean[]): number {
  const order = Array.from(values, (value, at) => ({ value, marked: marked[at] ?? false })).sort(
    (a, b) => a.value - b.value,
  );
  let below = 0;
  let wins = 0;
  for (let start = 0; start < order.length; ) {
    let end = start + 1;
    while (end < order.length && order[end]?.value === order[start]?.value) end++;
    const tied = order.slice(start, end);
    const positive = tied.filter((one) => one.marked).length;
    const negative = tied.length - positive;
    wins += positive * (below + negative / 2);
    below += negative;
    start = end;
  }
  const positives = order.length - below;
  return positives > 0 && below > 0 ? wins / (positives * below) : Number.NaN;
}

/** Indices of the greatest values. */
export const greatest = (values: ArrayLike<number>, count: number): number[] =>
  Array.from(values, (value, at) => ({ value, at }))
    .sort((a, b) => b.value - a.value)
    .slice(0, count)
    .map(({ at }) => at);
