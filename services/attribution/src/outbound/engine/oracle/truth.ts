import type { Example } from '@openledger/transformer';
import { type AuditPlan, planAudit } from '../../../domain/audit/method.js';
import type { AuditMethod } from '../../../domain/audit/reliability.js';
import { evenly } from '../../../domain/evenly.js';
import { Coalitions } from './coalitions.js';
import { TrainingHistory } from './history.js';
import { type LocalStepQuestion, localSteps } from './local-step.js';
import { metagradients } from './metagradient.js';
import type { Retrainer } from './retrainer.js';
import { parametersOf } from './trained-run.js';

/** What groups of examples really did to queries, as far as it could be found out. */
export interface Truth {
  readonly method: AuditMethod;
  /** Which of the queries were asked about. */
  readonly queries: readonly number[];
  /** Examples of each group that was measured. */
  readonly groups: readonly (readonly number[])[];
  /** Nats of the query's NLL that the group removed: one row a query asked about, one number a group measured. */
  readonly removed: readonly (readonly number[])[];
}

export interface TruthQuestion {
  readonly retrainer: Retrainer;
  /** The queries that the retrainer asks about. */
  readonly queries: readonly Example[];
  /** Examples of each group. */
  readonly groups: readonly (readonly number[])[];
  /** Whether the groups are all examples, each once. */
  readonly partition: boolean;
  readonly secondsPerRetrain: number;
}

export interface TruthLimits {
  readonly secondsMax: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, all: number) => void;
}

/** One group's share of itself says nothing. */
const GROUPS_MIN = 2;
/** Examples of a group whose gradients are summed. */
const LOCAL_EXAMPLES_MAX = 64;

/**
 * The strongest truth by doing the training again that fits the budget; undefined where none does. Groups are left out
 * one at a time first, so that where other coalitions take longer than expected there is still that; what was not left
 * out in time is not measured.
 */
export async function retrainedTruth(
  question: TruthQuestion,
  limits: TruthLimits,
): Promise<Truth | undefined> {
  const { groups, queries } = question;
  const plan = planOf(question, limits);
  const whole = { queries: [...queries.keys()], groups };
  if (plan.method === 'LOCAL_STEP') return undefined;
  if (plan.method === 'METAGRADIENT') {
    const asked = evenly(queries.length, plan.queries);
    return {
      ...whole,
      method: plan.method,
      queries: asked,
      removed: await removedBy(question, asked, limits),
    };
  }
  const coalitions = coalitionsOf(question, plan, limits);
  const one = await coalitions.leaveOneOut();
  const removed = plan.method === 'SHAPLEY' ? await coalitions.shapley() : undefined;
  if (removed) return { ...whole, method: 'SHAPLEY', removed };
  if (one.groups.length < Math.min(GROUPS_MIN, groups.length)) return undefined;
  const left = one.groups.map((group) => groups[group] ?? []);
  return { ...whole, method: 'LEAVE_ONE_OUT', groups: left, removed: one.removed };
}

/** A truth to first order at the deployed adapter, of a sample of each group. */
export async function localTruth(
  { groups, ...question }: LocalStepQuestion,
  queries: number,
  signal?: AbortSignal,
): Promise<Truth> {
  const samples = groups.map((group) =>
    evenly(group.length, Math.min(group.length, LOCAL_EXAMPLES_MAX)).flatMap((at) => group[at] ?? []),
  );
  const removed = await localSteps({ ...question, groups: samples }, signal);
  return { method: 'LOCAL_STEP', queries: evenly(queries, queries), groups: samples, removed };
}

function planOf(question: TruthQuestion, limits: TruthLimits): AuditPlan {
  const { retrainer, groups, partition, queries, secondsPerRetrain } = question;
  const { trained } = retrainer;
  return planAudit({
    groups: groups.length,
    partition,
    queries: queries.length,
    secondsPerRetrain,
    budgetSeconds: limits.secondsMax,
    historyFits: TrainingHistory.fits(parametersOf(trained), trained.run.steps),
  });
}

function coalitionsOf(question: TruthQuestion, plan: AuditPlan, limits: TruthLimits): Coalitions {
  const { retrainer, groups } = question;
  const all = plan.method === 'SHAPLEY' ? 2 ** groups.length : groups.length + 1;
  let done = 0;
  return new Coalitions(retrainer, groups, {
    deadline: performance.now() + limits.secondsMax * 1000,
    ...(limits.signal ? { signal: limits.signal } : {}),
    onRetrain: () => {
      done += 1;
      limits.onProgress?.(done, all);
    },
  });
}

/** To first order in the weights of the groups' examples. */
async function removedBy(
  { retrainer: { trained }, queries, groups }: TruthQuestion,
  asked: readonly number[],
  { signal, onProgress }: TruthLimits,
): Promise<number[][]> {
  const abortable = signal ? { signal } : {};
  const history = await TrainingHistory.record(trained, abortable);
  const examples = asked.flatMap((q) => queries[q] ?? []);
  const options = { ...abortable, ...(onProgress ? { onProgress } : {}) };
  const effects = await metagradients(trained, history, examples, options);
  return effects.map((row) =>
    groups.map((group) => -group.reduce((sum, example) => sum + (row[example] ?? 0), 0)),
  );
}
