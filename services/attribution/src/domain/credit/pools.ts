import { invariant, PPB, splitExactly } from '@openledger/kernel';
import { SCORING_NOISE_NATS } from '../retrieval/scoring-noise.js';

/** Log-likelihoods of one answer, nats, with and without the adapter and the retrieved chunks. */
export interface AnswerLikelihoods {
  readonly base: number;
  readonly adapter: number;
  readonly context: number;
  readonly both: number;
}

/** What explains an answer; parts per billion that sum to {@link PPB}. */
export interface AnswerPools {
  readonly baseModelPpb: bigint;
  readonly trainingPpb: bigint;
  readonly contextPpb: bigint;
  /** Shapley values, nats; they sum to what both add. Negative where one makes the answer less likely. */
  readonly trainingNats: number;
  readonly contextNats: number;
  /** Adapter and chunks together add less than rounding does, so all is the base model's. */
  readonly abstained: boolean;
}

/** Of every answer: without the base model neither adapter nor chunks would say anything. */
export const BASE_FLOOR_PPB = PPB / 10n;

const MICRONATS = 1e6;

/**
 * Splits an answer between the base model, the adapter's training data and its retrieved chunks. Adapter and context are
 * the two players of a game whose worth is the answer's log-likelihood; their Shapley values (mean of joining first
 * and joining last) sum exactly to what both add. Together they explain the share of the base's surprise that they
 * remove, the base keeping {@link BASE_FLOOR_PPB} at least; a negative value counts as nothing.
 */
export function splitPools({ base, adapter, context, both }: AnswerLikelihoods): AnswerPools {
  for (const value of [base, adapter, context, both])
    invariant(Number.isFinite(value), 'a log-likelihood is a finite number');
  const trainingNats = (adapter - base + (both - context)) / 2;
  const contextNats = (context - base + (both - adapter)) / 2;
  const gain = both - base;
  if (gain < SCORING_NOISE_NATS || base >= 0)
    return {
      baseModelPpb: PPB,
      trainingPpb: 0n,
      contextPpb: 0n,
      trainingNats,
      contextNats,
      abstained: true,
    };
  const share = BigInt(Math.round(Math.min(1, gain / -base) * Number(PPB)));
  const most = PPB - BASE_FLOOR_PPB;
  const explained = share < most ? share : most;
  const claims = [trainingNats, contextNats].map((nats) => BigInt(Math.round(Math.max(0, nats) * MICRONATS)));
  const [trainingPpb = 0n, contextPpb = 0n] = splitExactly(explained, claims);
  return {
    baseModelPpb: PPB - explained,
    trainingPpb,
    contextPpb,
    trainingNats,
    contextNats,
    abstained: false,
  };
}
