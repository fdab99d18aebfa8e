import {
  calibrationTokens,
  calibrationWindows,
  chooseKernels,
  comparePlan,
  decideKernels,
  guardPlan,
  type KernelTiming,
  linearWeights,
  openModelFolder,
  type PrecisionPlan,
  planFor,
  planOfClasses,
  precisions,
} from '@openledger/transformer';
import type { Bench, BenchContext } from '../bench.js';
import { seedlingDir } from '../repository.js';
import { halfBillion, randomModelFolder } from './random-model.js';

const ROWS = 8;
const THREADS = 1;
const WINDOW_TOKENS = 128;
const HELD_OUT_WINDOWS = 16;
/** The guard reads what comes before; the figures are of text that it has not seen. */
const GUARD_TOKENS = 3 * WINDOW_TOKENS;
const RANDOM_WINDOWS = 2;

/** What the kernels that are chosen for speed cost in perplexity, on a trained model and on a large one. */
export const servingQuality: Bench = {
  name: 'serving.quality',
  summary: 'perplexity with the chosen kernels over float32, the choice and what it is made from',
  async run(context) {
    const { timings, plan } = await chooseKernels(halfBillion, { rows: ROWS, threads: THREADS });
    const chosen = decideKernels(timings);
    const trained = await onSeedling((config) => planOfClasses(config, chosen), context);
    const random = await onRandomModel(plan, context);
    return {
      ...trained,
      ...random,
      kernels: Object.fromEntries(chosen),
      rows_independent: timings.every(({ rowIndependent }) => rowIndependent),
      one_row_and_batch_ms: table(timings),
    };
  },
};

type PlanMaker = (config: Parameters<typeof planFor>[0]) => PrecisionPlan;

/** The one trained model at hand, with the kernels that a large model gets here: its own choice is float32. */
async function onSeedling(propose: PlanMaker, { log }: BenchContext) {
  const model = await openModelFolder(seedlingDir);
  try {
    const tokens = await calibrationTokens(model);
    const { config } = model;
    const guard = { sequences: calibrationWindows(tokens, config.maxPositions), threads: THREADS };
    const guarded = await guardPlan(model, propose(config), { ...guard, allowed: precisions });
    const heldOut = { sequences: windows(tokens.subarray(GUARD_TOKENS), HELD_OUT_WINDOWS), threads: THREADS };
    const quality = await comparePlan(model, guarded.plan, heldOut);
    log(`seedling: loss ${quality.exactLoss.toFixed(4)} → ${quality.plannedLoss.toFixed(4)} nats`);
    const int8 = await comparePlan(model, planFor(config, 'int8'), heldOut);
    const int4 = await comparePlan(model, planFor(config, 'int4'), heldOut);
    return {
      ppl_ratio: quality.perplexityRatio,
      widened_layers: guarded.widened.length,
      ppl_ratio_int8: int8.perplexityRatio,
      ppl_ratio_int4: int4.perplexityRatio,
      worst_layer_error_int8: Math.max(...int8.errors.values()),
      worst_layer_error_int4: Math.max(...int4.errors.values()),
    };
  } finally {
    model.close();
  }
}

/** Random weights predict nothing, so beside the perplexity the error of the last states is told. */
async function onRandomModel(plan: PrecisionPlan, { log }: BenchContext) {
  const model = await openModelFolder(await randomModelFolder(halfBillion));
  try {
    const tokens = Int32Array.from(
      { length: RANDOM_WINDOWS * WINDOW_TOKENS },
      (_, at) => (at * 104_729) % halfBillion.vocabSize,
    );
    const begun = performance.now();
    const sequences = windows(tokens, RANDOM_WINDOWS);
    const quality = await comparePlan(model, plan, { sequences, threads: THREADS });
    const seconds = (performance.now() - begun) / 1_000;
    log(`random model: ${linearWeights(model.config).size} layers compared in ${seconds.toFixed(1)} s`);
    return {
      ppl_ratio_random: quality.perplexityRatio,
      last_state_error_random: quality.stateError,
      worst_layer_error_random: Math.max(0, ...quality.errors.values()),
      guard_seconds_random: seconds,
    };
  } finally {
    model.close();
  }
}

function windows(tokens: Int32Array, most: number): Int32Array[] {
  const count = Math.min(most, Math.floor(tokens.length / WINDOW_TOKENS));
  return Array.from({ length: count }, (_, index) =>
    tokens.slice(index * WINDOW_TOKENS, (index + 1) * WINDOW_TOKENS),
  );
}

/** Milliseconds for one row and for a batch, by layer and precision. */
function table(timings: readonly KernelTiming[]): Record<string, Record<string, readonly number[]>> {
  const byLayer: Record<string, Record<string, readonly number[]>> = {};
  const round = (ms: number): number => Math.round(ms * 1_000) / 1_000;
  for (const { layer, precision, oneRowMs, rowsMs } of timings) {
    byLayer[layer] = { ...byLayer[layer], [precision]: [round(oneRowMs), round(rowsMs)] };
  }
  return byLayer;
}
