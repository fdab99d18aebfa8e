import { spearman } from './correlation.js';
import { type Estimate, meanEstimate } from './interval.js';

export interface LdsResult extends Estimate {
  /** Rank correlation of each query. */
  readonly queries: readonly number[];
}

/**
 * Linear datamodelling score (Park et al. 2023, TRAK, definition 2.3): for each query the rank correlation, over
 * subsets of the training data, of predicted and measured outcomes; their mean, with its interval over the queries.
 *
 * @param predicted one row a query, one number a subset.
 * @param measured of the same shape.
 */
export function lds(
  predicted: readonly ArrayLike<number>[],
  measured: readonly ArrayLike<number>[],
  random: () => number,
): LdsResult {
  const queries = predicted.map((row, q) => spearman(row, measured[q] ?? []));
  return { ...meanEstimate(queries, random), queries };
}

/**
 * Outcomes that a linear attribution predicts: for each subset the sum of the effects of what is in it.
 *
 * @param weights one row a subset: the weight of each example, 0 where it is left out.
 * @param effects of each example on one query.
 */
export function subsetOutcomes(
  weights: readonly ArrayLike<number>[],
  effects: ArrayLike<number>,
): Float64Array {
  return Float64Array.from(weights, (row) => {
    let sum = 0;
    for (let i = 0; i < effects.length; i++) sum += (row[i] ?? 0) * (effects[i] ?? 0);
    return sum;
  });
}
