import { type Precision, type PrecisionPlan, planFor, precisions } from '../graph/precision.js';
import type { ModelConfig, Weights } from '../model.js';
import { type CalibrationTokens, comparePlan, type PlanQuality } from './compare.js';

/** Perplexity may rise by one percent. */
export const perplexityLimit = 1.01;

/** Comparisons before everything is float32, which needs none. */
const roundsMax = 8;

/** Of the layers that are still narrow, the part that is widened in one round. */
const widenedShare = 0.25;

export interface GuardOptions extends CalibrationTokens {
  readonly threads?: number;
  readonly allowed: readonly Precision[];
  readonly limit?: number;
}

export interface GuardedPlan {
  readonly plan: PrecisionPlan;
  /** Of the plan as returned; 1 where every layer is float32. */
  readonly perplexityRatio: number;
  /** Layers that are wider than in the plan that was proposed. */
  readonly widened: readonly string[];
}

interface Model {
  readonly config: ModelConfig;
  readonly weights: Weights;
}

/**
 * Widens the layers of a plan, those of the largest error of their own first, until the perplexity over
 * the calibration text is within the limit of that in float32.
 */
export async function guardPlan(
  model: Model,
  proposed: PrecisionPlan,
  options: GuardOptions,
): Promise<GuardedPlan> {
  const { limit = perplexityLimit, allowed } = options;
  const guarded = (plan: PrecisionPlan, perplexityRatio: number): GuardedPlan => {
    const widened = [...plan.keys()].filter((name) => plan.get(name) !== proposed.get(name));
    return { plan, perplexityRatio, widened };
  };
  let plan = proposed;
  for (let round = 0; round < roundsMax && isNarrow(plan); round += 1) {
    const quality = await comparePlan(model, plan, options);
    if (quality.perplexityRatio <= limit) return guarded(plan, quality.perplexityRatio);
    plan = widen(plan, quality.errors, allowed);
  }
  return guarded(planFor(model.config, 'float32'), 1);
}

function isNarrow(plan: PrecisionPlan): boolean {
  return [...plan.values()].some((precision) => precision !== 'float32');
}

/** The plan with its worst narrow layers one allowed step wider; an error that is not a number is worst. */
export function widen(
  plan: PrecisionPlan,
  errors: PlanQuality['errors'],
  allowed: readonly Precision[],
): PrecisionPlan {
  const narrow = [...plan].filter(([, precision]) => precision !== 'float32').map(([name]) => name);
  const errorOf = (name: string): number => {
    const error = errors.get(name) ?? 0;
    return Number.isFinite(error) ? error : Number.MAX_VALUE;
  };
  const worstFirst = narrow.sort((one, other) => errorOf(other) - errorOf(one));
  const worst = new Set(worstFirst.slice(0, Math.ceil(narrow.length * widenedShare)));
  return new Map(
    [...plan].map(([name, precision]) => [name, worst.has(name) ? widerThan(precision, allowed) : precision]),
  );
}

function widerThan(precision: Precision, allowed: readonly Precision[]): Precision {
  const wider = precisions.slice(precisions.indexOf(precision) + 1);
  return wider.find((candidate) => candidate === 'float32' || allowed.includes(candidate)) ?? 'float32';
}
