import type { Example } from '@openledger/transformer';
import type { Impact } from '../../../application/ports.js';
import { auditGroups, recordsByOwner } from '../../../domain/audit/groups.js';
import { lossChangePerToken } from '../../../domain/audit/impact.js';
import { SHAPLEY_PLAYERS_MAX } from '../../../domain/audit/method.js';
import { type AuditMethod, type Reliability, reliabilityOf } from '../../../domain/audit/reliability.js';
import type { LocalPoint } from './local-step.js';
import { QueryLosses, scoredTokens } from './query-losses.js';
import { RetrainCache } from './retrain-cache.js';
import { Retrainer } from './retrainer.js';
import { openTrainedRun, type Training } from './trained-run.js';
import { localTruth, retrainedTruth, type Truth, type TruthLimits } from './truth.js';

/** Largest contributors that are left out at most. */
const CONTRIBUTORS_MAX = 32;
/** Groups that the records of a lone contributor are cut into. */
const HALVES = 8;
/**
 * A repetition is one of the deployed adapter where the queries' losses differ by at most this share of what the
 * training changed them by. On the machine and with the threads of the training they are equal to the bit.
 */
const REPLAY_TOLERANCE = 0.05;

/** A deployed version, and what is claimed about it. */
export interface AuditedVersion {
  readonly training: Training;
  /** The deployed adapter and its run's second moments. */
  readonly point: LocalPoint;
  /** Contributor of each example. */
  readonly owners: readonly string[];
  /** What each example counts by where influence is not trusted: quality-weighted tokens. */
  readonly stakes: readonly number[];
  /** What is asked about; records that were not trained on, if `heldOut`. */
  readonly queries: readonly Example[];
  readonly heldOut: boolean;
  /** The claim: nats of the query's NLL that these examples remove together. */
  readonly predict: (examples: readonly number[], query: number) => number;
}

export interface AuditOptions extends TruthLimits {
  /** Uniform numbers from a fixed seed, for groups and intervals. */
  readonly random: () => number;
  /** Where results of retrains are kept. */
  readonly cacheFolder?: string;
}

export interface VersionAudit {
  readonly method: AuditMethod;
  readonly reliability: Reliability;
  /** Examples of each group that was measured. */
  readonly groups: readonly (readonly number[])[];
  /** Indices of the queries that were asked about. */
  readonly queries: readonly number[];
  /** Nats that each group removes: one row a query, one number a group. */
  readonly predicted: readonly (readonly number[])[];
  readonly measured: readonly (readonly number[])[];
  readonly baseShares: readonly number[];
  /** Absent where nothing was held out. */
  readonly impact?: Impact;
}

interface Losses {
  readonly untrained: Float64Array;
  readonly deployed: Float64Array;
}

/**
 * Compares what is claimed about a version with the strongest truth that fits the budget: exact Shapley values of its
 * contributors over retrains, retrains without one contributor at a time, metagradients of some queries, or a step
 * taken back.
 */
export async function auditVersion(version: AuditedVersion, options: AuditOptions): Promise<VersionAudit> {
  const { training, queries, point } = version;
  const queryLosses = await QueryLosses.open(training, queries);
  try {
    const losses = {
      untrained: await queryLosses.untrained(),
      deployed: await queryLosses.of(point.tensors),
    };
    const truth =
      (await byRepetition(version, queryLosses, losses, options)) ??
      (await locally(version, queryLosses, options));
    return reportOf(version, losses, truth, options.random);
  } finally {
    await queryLosses.release();
  }
}

/** Undefined where the training is too long, or leads elsewhere on this machine. */
async function byRepetition(
  version: AuditedVersion,
  queryLosses: QueryLosses,
  losses: Losses,
  options: AuditOptions,
): Promise<Truth | undefined> {
  const { training, queries, owners, point } = version;
  const { cacheFolder, secondsMax, signal } = options;
  if (secondsMax <= 0) return undefined;
  const started = performance.now();
  const trained = await openTrainedRun(training);
  try {
    await trained.run.gradients(1, point.tensors);
    const warm = performance.now();
    await trained.run.gradients(1, point.tensors);
    if (((performance.now() - warm) / 1000) * trained.run.steps > secondsMax) return undefined;
    const cache =
      cacheFolder === undefined ? undefined : await RetrainCache.open(cacheFolder, training, queries);
    const retrainer = new Retrainer(trained, queryLosses, cache);
    const again = performance.now();
    const full = await retrainer.losses(new Float64Array(owners.length).fill(1), signal);
    const secondsPerRetrain = retrainer.secondsPerRetrain ?? (performance.now() - again) / 1000;
    if (!isRepetition(full, losses)) return undefined;
    const left = Math.max(0, secondsMax - (performance.now() - started) / 1000);
    const { groups, partition } = groupsOf(owners, left / secondsPerRetrain - 1, options.random);
    const question = { retrainer, queries, groups, partition, secondsPerRetrain };
    return await retrainedTruth(question, { ...options, secondsMax: left });
  } finally {
    await trained.run.release();
  }
}

async function locally(
  { training, point, owners, queries }: AuditedVersion,
  queryLosses: QueryLosses,
  { random, signal }: AuditOptions,
): Promise<Truth> {
  const { groups } = groupsOf(owners, 0, random);
  const question = { training, point, groups, lossesOf: queryLosses.of.bind(queryLosses) };
  return localTruth(question, queries.length, signal);
}

function isRepetition(full: Float64Array, { untrained, deployed }: Losses): boolean {
  let [apart, learnt] = [0, 0];
  for (const [q, loss] of deployed.entries()) {
    apart += Math.abs((full[q] ?? 0) - loss);
    learnt += Math.abs((untrained[q] ?? 0) - loss);
  }
  return apart <= REPLAY_TOLERANCE * learnt;
}

/** Contributors, the largest first, as many as can be left out; of a lone one halves of his records. */
function groupsOf(owners: readonly string[], affordable: number, random: () => number) {
  const contributors = recordsByOwner(owners).size;
  if (contributors === 1) {
    return { groups: auditGroups(owners, HALVES + 1, random).slice(1), partition: false };
  }
  const many = Math.min(
    Math.max(Math.floor(affordable), SHAPLEY_PLAYERS_MAX),
    CONTRIBUTORS_MAX,
    contributors,
  );
  return { groups: auditGroups(owners, many, random), partition: many === contributors };
}

function reportOf(version: AuditedVersion, losses: Losses, truth: Truth, random: () => number): VersionAudit {
  const { method, groups, queries, removed: measured } = truth;
  const predicted = queries.map((query) => groups.map((group) => version.predict(group, query)));
  const baseShares = sharesOf(groups, version.stakes);
  const reliability = reliabilityOf({ method, predicted, measured, baseShares }, random);
  const report = { method, reliability, groups, queries, predicted, measured, baseShares };
  return version.heldOut ? { ...report, impact: impactOf(version, losses, truth) } : report;
}

function sharesOf(groups: readonly (readonly number[])[], stakes: readonly number[]): number[] {
  const sums = groups.map((group) => group.reduce((sum, example) => sum + (stakes[example] ?? 0), 0));
  const all = sums.reduce((total, sum) => total + sum, 0);
  return sums.map((sum) => (all > 0 ? sum / all : 1 / sums.length));
}

/** By retrains for the contributors that were left out, by what is claimed for the others. */
function impactOf(version: AuditedVersion, losses: Losses, truth: Truth): Impact {
  const { owners, queries, predict } = version;
  const tokens = queries.map(scoredTokens);
  const perToken = (values: Float64Array) => lossChangePerToken(values, tokens).lossChange;
  const retrained = truth.method === 'SHAPLEY' || truth.method === 'LEAVE_ONE_OUT' ? truth.method : undefined;
  const contributors = [...recordsByOwner(owners)].map(
    ([contributorId, records]): Impact['contributors'][number] => {
      // Groups of whole contributors are their records, in the order of the records.
      const group = truth.groups.findIndex(
        (members) => members.length === records.length && members[0] === records[0],
      );
      const measured = retrained && group >= 0 ? retrained : undefined;
      const changes = measured
        ? truth.removed.map((row) => row[group] ?? 0)
        : queries.map((_, query) => predict(records, query));
      return { contributorId, ...lossChangePerToken(changes, tokens), method: measured ?? 'EXPECTED' };
    },
  );
  return { baseLoss: perToken(losses.untrained), adapterLoss: perToken(losses.deployed), contributors };
}
