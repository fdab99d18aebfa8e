import { defaultAdamW, type TrainingRecipe, targetModules } from '@openledger/transformer';
import type { RunPlan } from '../domain/run.js';

const WARMUP_SHARE = 0.06;
const FINAL_SHARE = 0.1;
/** Keeps a step a smooth function of the data where gradients are tiny; see ADR 0031. */
const EPSILON_ROOT = 1e-7;
const CHECKPOINTS = 6;

/** How a plan is carried out over so many examples. */
export function recipeFor(plan: RunPlan, examples: number): TrainingRecipe {
  const { lora, seed, batchRows, maxTokens, learningRate } = plan;
  const steps = Math.ceil((examples * plan.epochs) / batchRows);
  return {
    lora: {
      rank: lora.rank,
      alpha: lora.alpha,
      targetModules: targetModules.filter((module) => lora.targetModules.includes(module)),
    },
    seed,
    batchRows,
    schedule: {
      learningRate,
      steps,
      warmupSteps: Math.ceil(steps * WARMUP_SHARE),
      finalShare: FINAL_SHARE,
    },
    optimizer: { ...defaultAdamW, epsilonRoot: EPSILON_ROOT },
    // Adam divides a gradient by its own size already; clipping would couple the records of all batches.
    maxGradientNorm: null,
    maxTokens,
  };
}

/** Evenly spaced, the last at the end; a short run has fewer. */
export function checkpointSteps(steps: number): number[] {
  const all = Array.from({ length: CHECKPOINTS }, (_, i) => Math.round((steps * (i + 1)) / CHECKPOINTS));
  return [...new Set(all)].filter((step) => step > 0);
}
