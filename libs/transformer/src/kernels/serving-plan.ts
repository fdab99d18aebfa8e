import { cpus } from 'node:os';
import { DomainError } from '@openledger/kernel';
import { env } from 'onnxruntime-common';
import { linearWeights, type Precision, type PrecisionPlan, planFor } from '../graph/precision.js';
import type { ModelConfig, Weights } from '../model.js';
import type { Provider } from '../run/provider.js';
import { calibrationWindows } from './calibration.js';
import { allowedPrecisions, chooseKernels } from './choose.js';
import type { KernelTiming } from './decide.js';
import { guardPlan, perplexityLimit } from './guard.js';
import { type PlanConditions, PlanStore } from './plan-store.js';

/** Below this, a step takes about a millisecond in any precision. */
const smallModelWeights = 16_000_000;

export interface ServingPlanOptions {
  /** One precision for all layers, which is obeyed without a measurement, or the choice by measurement. */
  readonly precision: 'auto' | Precision;
  /** Rows that are decoded together. */
  readonly rows: number;
  readonly threads?: number;
  readonly provider?: Provider;
  /** Text that the quality is measured on; asked for only where it is needed. */
  readonly calibration: () => Promise<Int32Array>;
  /** Where plans are kept between starts; measured every time where absent. */
  readonly folder?: string;
  /** Models with fewer weights in linear layers stay exact, and their start is not spent on trials. */
  readonly smallModelWeights?: number;
}

export interface ServingPlan {
  readonly plan: PrecisionPlan;
  /** ordered: as the caller said; small: too small to matter; stored: of an earlier start; measured: now. */
  readonly source: 'ordered' | 'small' | 'stored' | 'measured';
  /** Perplexity by the plan over that in float32; absent where nothing was measured. */
  readonly perplexityRatio?: number;
  /** Layers that the quality made wider than the speed alone would have. */
  readonly widened: readonly string[];
  readonly timings: readonly KernelTiming[];
}

interface Model {
  readonly config: ModelConfig;
  readonly weights: Weights;
  readonly digest: string;
}

/**
 * The precision of every linear layer for serving: the fastest kernels of this machine, as far as the
 * perplexity stays within a percent of float32.
 */
export async function servingPlan(model: Model, options: ServingPlanOptions): Promise<ServingPlan> {
  const { config } = model;
  const { precision, provider = 'cpu', rows, threads, folder } = options;
  if (precision !== 'auto') return ordered(config, precision, provider);
  if (isSmall(config, options.smallModelWeights))
    return { plan: planFor(config, 'float32'), source: 'small', widened: [], timings: [] };
  const store = folder === undefined ? undefined : new PlanStore(folder, config);
  const conditions = conditionsOf(model, options);
  const stored = await store?.find(conditions);
  if (stored) return { ...stored, source: 'stored', timings: [] };
  const allowed = allowedPrecisions({ provider });
  const shared = threads === undefined ? {} : { threads };
  const choice = await chooseKernels(config, { ...shared, rows, provider, allowed });
  const sequences = calibrationWindows(await options.calibration(), config.maxPositions);
  const guarded = await guardPlan(model, choice.plan, { ...shared, sequences, allowed });
  await store?.keep(conditions, guarded);
  return { ...guarded, source: 'measured', timings: choice.timings };
}

function ordered(config: ModelConfig, precision: Precision, provider: Provider): ServingPlan {
  const allowed = allowedPrecisions({ provider });
  if (!allowed.includes(precision)) {
    throw new DomainError(
      'invalid',
      'PRECISION_UNAVAILABLE',
      `${provider} has no kernels for ${precision}; choose ${allowed.join(' or ')}.`,
    );
  }
  return { plan: planFor(config, precision), source: 'ordered', widened: [], timings: [] };
}

function isSmall(config: ModelConfig, limit = smallModelWeights): boolean {
  let size = 0;
  for (const [out, input] of linearWeights(config).values()) size += out * input;
  return size < limit;
}

function conditionsOf(model: Model, { rows, threads, provider = 'cpu' }: ServingPlanOptions): PlanConditions {
  return {
    model: model.digest,
    processor: cpus()[0]?.model ?? 'unknown',
    runtime: env.versions.common,
    provider,
    rows,
    threads,
    limit: perplexityLimit,
  };
}
