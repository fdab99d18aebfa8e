import { DomainError, isSha256 } from '@openledger/kernel';
import { type TrainingRecipe, targetModules } from '@openledger/transformer';
import { z } from 'zod';

/** What {@link TrainingLog} is called in the log itself. */
export const trainingLogFormat = 'openledger-training-log/2';

const blob = z.string().refine(isSha256, 'the SHA-256 of a blob');
const count = z.int().positive();

const Recipe = z.object({
  lora: z.object({
    rank: count,
    alpha: z.number().positive(),
    targetModules: z.array(z.enum(targetModules)),
  }),
  /** Of the initial tensors and of the order. */
  seed: z.int().nonnegative(),
  /** Every pass shows all examples once, shuffled from the seed and the number of the pass; see `shuffledBatches`. */
  order: z.literal('shuffled-passes'),
  batchRows: count,
  /** Linear warm-up, then a cosine down to a share of the full rate; see `learningRateAt`. */
  schedule: z.object({
    kind: z.literal('warmup-cosine'),
    learningRate: z.number().positive(),
    steps: count,
    warmupSteps: z.int().nonnegative(),
    finalShare: z.number().min(0).max(1),
  }),
  optimizer: z.object({
    kind: z.literal('adamw'),
    beta1: z.number().min(0).lt(1),
    beta2: z.number().min(0).lt(1),
    /** Inside the root. */
    epsilonRoot: z.number().positive(),
    weightDecay: z.number().nonnegative(),
  }),
  /** Global norm that gradients are scaled down to; null lets them be. */
  maxGradientNorm: z.number().positive().nullable(),
  /** Longest example in tokens; longer records were left out. */
  maxTokens: count,
  dropout: z.literal(0),
  /** A batch's loss is its summed NLL over the scored tokens of the whole batch. */
  normalizer: z.literal('scored-tokens-of-batch'),
  /** Sums are split among threads: another number may give other bits. */
  threads: count,
});

/**
 * How an adapter came to be: enough to train it again to the bit from its base model and its lineage, whose
 * records are the examples in their order, and the states on the way that attribution differentiates at.
 */
export const TrainingLog = z.object({
  format: z.literal(trainingLogFormat),
  recipe: Recipe,
  /** What computed it; another runtime or processor may round otherwise. */
  runtime: z.object({ onnxruntime: z.string(), architecture: z.string() }),
  steps: count,
  /** Σ of the learning rates of all steps. */
  learningRateSum: z.number().positive(),
  epsilonRoot: z.number().positive(),
  maxTokens: count,
  /** Bias-corrected second moments after the last step: safetensors under the adapter's tensor names. */
  secondMomentsBlob: blob,
  /** The loss of each step before it was taken, nats a token: float32, little-endian. */
  lossTraceBlob: blob,
  /** Evenly spaced, the last at the end. */
  checkpoints: z
    .array(
      z.object({
        /** Steps done. */
        step: count,
        /** The adapter's tensors: safetensors under their names, float32. */
        tensorsBlob: blob,
        /** Bias-corrected. */
        secondMomentsBlob: blob,
      }),
    )
    .min(1)
    .max(16),
  heldOut: z.object({
    /** Records the training never saw: JSON lines as those of the lineage. */
    recordsBlob: blob,
    records: count,
    /** Mean NLL per completion token over them, nats. */
    baseLoss: z.number(),
    adapterLoss: z.number(),
  }),
});

export type TrainingLog = z.infer<typeof TrainingLog>;

/** @throws DomainError TRAINING_LOG_INVALID */
export function parseTrainingLog(value: unknown): TrainingLog {
  const { data, error } = TrainingLog.safeParse(value);
  if (data) return data;
  const [issue] = error.issues;
  const where = issue?.path.join('.') || 'the log';
  throw new DomainError(
    'invalid',
    'TRAINING_LOG_INVALID',
    `This is no log of a training that can be repeated (${trainingLogFormat}): ${where}: ${issue?.message}.`,
  );
}

/** What `RecipeRun` repeats the training from. */
export function recipeOf({ recipe }: TrainingLog): TrainingRecipe {
  const { lora, seed, batchRows, schedule, optimizer, maxGradientNorm, maxTokens } = recipe;
  const { kind: _schedule, ...rates } = schedule;
  const { kind: _optimizer, ...adamW } = optimizer;
  return { lora, seed, batchRows, schedule: rates, optimizer: adamW, maxGradientNorm, maxTokens };
}
