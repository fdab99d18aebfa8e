import { robustDeviation } from './chance.js';
import { aboveChance, type ClusterScore, restOf, standsOut } from './training-credit.js';

/** Fewer say nothing of what chance gives. */
const DECOYS_MIN = 8;

/** Influence of every row of an index on one answer, and |z| of each. */
export interface RowInfluences {
  /** Nats. */
  readonly scores: ArrayLike<number>;
  readonly lengths: ArrayLike<number>;
}

/** What is measured of one row of a cluster; nats. */
export interface RowStanding {
  readonly row: number;
  readonly score: number;
  /** Of the score by chance. */
  readonly deviation: number;
}

export interface ClusterStanding {
  readonly cluster: ClusterScore;
  /** All of a cluster that stands above chance, else what stands out of it. */
  readonly paid: readonly RowStanding[];
}

/**
 * Deviation of influence by chance, nats for a vector of length 1: most records have nothing to do with an answer,
 * trained ones or not, so the larger of both is what it takes to stand out. By length, because what was hard to
 * learn has long gradients that agree with anything a little.
 *
 * @param decoys influence of records that the model never saw, nats for a vector of length 1.
 */
export function noiseOf({ scores, lengths }: RowInfluences, decoys: ArrayLike<number>): number {
  const trained = Float64Array.from({ length: scores.length }, (_, row) => {
    const length = lengths[row] ?? 0;
    return length > 0 ? (scores[row] ?? 0) / length : 0;
  });
  return Math.max(robustDeviation(trained), decoys.length >= DECOYS_MIN ? robustDeviation(decoys) : 0);
}

/** A cluster of given rows, and which of them pay is decided by. */
export function standingOf(
  {
    cluster,
    score,
    rows,
  }: { readonly cluster: number; readonly score: number; readonly rows: readonly number[] },
  influences: RowInfluences,
  { noise, kappa }: { readonly noise: number; readonly kappa: number },
): ClusterStanding {
  const own = rows.map((row) => ({
    row,
    score: influences.scores[row] ?? 0,
    deviation: noise * (influences.lengths[row] ?? 0),
  }));
  const square = rows.reduce((sum, row) => sum + (influences.lengths[row] ?? 0) ** 2, 0);
  const whole = { cluster, score, deviation: noise * Math.sqrt(square) };
  const alone = own.filter(standsOut);
  return { cluster: whole, paid: aboveChance(restOf(whole, alone), kappa) > 0 ? own : alone };
}
