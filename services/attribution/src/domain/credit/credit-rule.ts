import { splitExactly } from '@openledger/kernel';
import type { Stake } from '../lineage.js';
import type { Estimate } from '../retrieval/context-cite.js';
import { type ContextShares, shareContext } from '../retrieval/context-shares.js';
import { type AnswerLikelihoods, type AnswerPools, splitPools } from './pools.js';
import { type TrainingCredit, type TrainingEvidence, trainingCredit } from './training-credit.js';

/** What was measured about one answer. */
export interface AnswerEvidence {
  readonly likelihoods: AnswerLikelihoods;
  readonly training: TrainingEvidence;
  /** Of retrieved chunks, and what each added. */
  readonly players: readonly { readonly owner?: { readonly contributorId: string } | undefined }[];
  readonly chunks: readonly Estimate[];
  readonly stakes: readonly Stake[];
}

/** Parts per billion; shares of contributors, base model and reserve sum to one billion. */
export interface AnswerCredit {
  readonly pools: AnswerPools;
  /** In order of their ids: everybody with a stake, and owners of chunks. */
  readonly contributors: readonly {
    readonly contributorId: string;
    readonly influencePpb: bigint;
    readonly contextPpb: bigint;
    readonly basePpb: number;
  }[];
  readonly reservePpb: bigint;
}

/** Steps of the largest weight: every share is good to better than one part per billion. */
const STEPS = 2 ** 40;

/** Shares an answer out: first between base model, training and chunks, then each pool. */
export function creditAnswer(evidence: AnswerEvidence): AnswerCredit {
  const { likelihoods, training, players, chunks, stakes } = evidence;
  const pools = splitPools(likelihoods);
  const taught = shareTraining(pools.trainingPpb, soleParty(training, stakes) ?? trainingCredit(training));
  const retrieved: ContextShares = shareContext(pools.contextPpb, players, chunks);
  const base = new Map(stakes.map(({ contributorId, basePpb }) => [contributorId, basePpb]));
  const ids = [...new Set([...base.keys(), ...retrieved.contributors.keys()])].sort();
  return {
    pools,
    contributors: ids.map((contributorId) => ({
      contributorId,
      influencePpb: taught.contributors.get(contributorId) ?? 0n,
      contextPpb: retrieved.contributors.get(contributorId) ?? 0n,
      basePpb: base.get(contributorId) ?? 0,
    })),
    reservePpb: taught.reserve + retrieved.reserve,
  };
}

/**
 * Where one party taught the model everything there is nobody it must be told apart from: what the adapter added is its
 * members', by what each put in. Undefined where there are others, or where some of it was taken back.
 */
function soleParty(
  { parties, records }: TrainingEvidence,
  stakes: readonly Stake[],
): TrainingCredit | undefined {
  const known = new Set(stakes.map(({ contributorId }) => parties.get(contributorId) ?? contributorId));
  if (known.size !== 1 || records.some(({ withdrawn }) => withdrawn)) return undefined;
  return {
    contributors: new Map(stakes.map(({ contributorId, tokens }) => [contributorId, tokens])),
    reserve: 0,
  };
}

/** Whole units that sum to the pool; the reserve comes first among equal remainders. */
function shareTraining(pool: bigint, { contributors, reserve }: TrainingCredit) {
  const ids = [...contributors.keys()].sort();
  const weights = [reserve, ...ids.map((id) => contributors.get(id) ?? 0)];
  const most = Math.max(...weights);
  if (pool === 0n || !(most > 0)) return { contributors: new Map<string, bigint>(), reserve: pool };
  const [kept = 0n, ...parts] = splitExactly(
    pool,
    weights.map((weight) => BigInt(Math.round((weight / most) * STEPS))),
  );
  return { contributors: new Map(ids.map((id, i) => [id, parts[i] ?? 0n])), reserve: kept };
}
