import { invariant } from '@openledger/kernel';
import { ablations, contextCite, type Estimate } from './context-cite.js';
import { shapleyValues } from './shapley.js';

/** Up to as many players all subsets are scored: 32 at most, which is what the ablations above cost. */
export const EXACT_PLAYERS_MAX = 5;

export type ChunkMethod = 'SHAPLEY' | 'CONTEXT_CITE';

export const methodFor = (players: number): ChunkMethod =>
  players <= EXACT_PLAYERS_MAX ? 'SHAPLEY' : 'CONTEXT_CITE';

/** The subsets of players whose presence has to be scored, as bits; every one of them once. */
export function subsetsToScore(players: number, requestId: string): number[] {
  const all = 2 ** players;
  const chosen =
    methodFor(players) === 'SHAPLEY'
      ? Array.from({ length: all }, (_, subset) => subset)
      : [0, all - 1, ...ablations(players, requestId)];
  return [...new Set(chosen)];
}

export interface SubsetScores {
  readonly requestId: string;
  /** Log-likelihood of the fixed answer with the players of a subset in the prompt, nats; by subset. */
  readonly logLikelihoods: ReadonlyMap<number, number>;
  /** Of the answer. */
  readonly tokens: number;
}

/** Nats that each player adds to the answer. Exact values have no sampling error. */
export function playerValues(players: number, scores: SubsetScores): Estimate[] {
  const worthOf = (subset: number): number => {
    const value = scores.logLikelihoods.get(subset);
    invariant(value !== undefined && Number.isFinite(value), `the subset ${subset} has a log-likelihood`);
    return value;
  };
  if (methodFor(players) === 'SHAPLEY') {
    const values = Array.from({ length: 2 ** players }, (_, subset) => worthOf(subset));
    return shapleyValues(players, values).map((value) => ({ value, standardError: 0 }));
  }
  const subsets = ablations(players, scores.requestId);
  return contextCite(players, { subsets, logProbabilities: subsets.map(worthOf), tokens: scores.tokens });
}
