import { sha256 } from '@openledger/kernel';
import { lasso } from './lasso.js';

/** ContextCite (Cohen-Wang et al. 2024): as many ablations match leave-one-out and beat attention and similarity. */
export const ABLATIONS = 32;
const ALPHA = 0.01;
/** A log-probability above this would have an infinite logit in double precision. */
const LOG_PROBABILITY_MAX = -1e-9;

/**
 * Random subsets, each player in each with probability 1/2. The bits come from SHA-256 over the request's id and the
 * number of the ablation, so whoever has the receipt draws the same.
 *
 * @param players at most 32
 * @returns as bits, player i the i-th
 */
export const ablations = (players: number, requestId: string): number[] =>
  Array.from({ length: ABLATIONS }, (_, i) => {
    const bits = Number.parseInt(sha256(`context-ablation:${requestId}:${i}`).slice(0, 8), 16);
    return bits % 2 ** players;
  });

export interface Estimate {
  readonly value: number;
  readonly standardError: number;
}

/**
 * What each player adds to the answer by a sparse linear model of the ablations: the outcome is the logit of the answer's
 * probability by token, as in the paper's code, and the slope is given for the whole answer. Where the
 * answer is unlikely without its context, logit and log-probability are the same and the unit is nats. The standard error is the
 * jackknife's over ablations (Tukey 1958).
 *
 * @param subsets as {@link ablations} gives them
 * @param logProbabilities of the answer, nats
 */
export function contextCite(
  players: number,
  { subsets, logProbabilities, tokens }: AblationOutcomes,
): Estimate[] {
  const rows = subsets.map((subset) => Array.from({ length: players }, (_, i) => (subset >>> i) & 1));
  const outcomes = logProbabilities.map((value) => logit(value) / tokens);
  const fit = (left?: number) =>
    lasso(without(rows, left), without(outcomes, left), ALPHA).map((slope) => slope * tokens);
  const whole = fit();
  const parts = rows.map((_, i) => fit(i));
  return whole.map((value, player) => ({
    value,
    standardError: jackknife(parts.map((slopes) => slopes[player] ?? 0)),
  }));
}

export interface AblationOutcomes {
  readonly subsets: readonly number[];
  readonly logProbabilities: readonly number[];
  /** Of the answer. */
  readonly tokens: number;
}

/** log p − log(1 − p). */
export function logit(logProbability: number): number {
  const bounded = Math.min(logProbability, LOG_PROBABILITY_MAX);
  return bounded - Math.log(-Math.expm1(bounded));
}

const without = <T>(items: readonly T[], left?: number): readonly T[] =>
  left === undefined ? items : items.filter((_, i) => i !== left);

function jackknife(values: readonly number[]): number {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const spread = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return Math.sqrt(((n - 1) / n) * spread);
}
