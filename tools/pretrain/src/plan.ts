import type { ModelConfig, Schedule } from '@openledger/transformer';
import { specialTokens } from './tokenizer/special-tokens.js';

/** One schedule over one mixture of text; a phase starts with a fresh optimiser. */
export interface Phase {
  readonly schedule: Schedule;
  /** Rows of a batch that are memory exercises; the others are text. */
  readonly exerciseRows: number;
  readonly textRows: number;
}

/** Everything that decides the outcome of a pre-training run. */
export interface Plan {
  readonly trainingDocuments: number;
  readonly exerciseDocuments: number;
  readonly heldOutDocuments: number;
  /** Entries of the vocabulary, special tokens included. */
  readonly vocabularySize: number;
  /** Tokens per row. */
  readonly length: number;
  readonly phases: readonly Phase[];
  readonly weightDecay: number;
  readonly beta2: number;
  readonly seed: number;
  readonly model: ModelConfig;
}

const special: readonly string[] = Object.values(specialTokens);

/**
 * The published model: 2.8 million parameters. The first phase learns the language from text alone; the
 * second teaches it to look back, which text this small in amount does not.
 */
export const seedlingPlan: Plan = {
  trainingDocuments: 37_000,
  exerciseDocuments: 8000,
  heldOutDocuments: 400,
  vocabularySize: 2048,
  length: 256,
  phases: [
    {
      schedule: { learningRate: 2e-3, steps: 2000, warmupSteps: 100, finalShare: 0.05 },
      exerciseRows: 0,
      textRows: 8,
    },
    {
      schedule: { learningRate: 2e-3, steps: 800, warmupSteps: 50, finalShare: 0.05 },
      exerciseRows: 4,
      textRows: 4,
    },
  ],
  weightDecay: 0.1,
  beta2: 0.95,
  seed: 20_261_120,
  model: {
    modelType: 'llama',
    vocabSize: 2048,
    hiddenSize: 192,
    intermediateSize: 512,
    layerCount: 6,
    headCount: 6,
    kvHeadCount: 2,
    headDim: 32,
    rmsNormEps: 1e-5,
    ropeTheta: 10_000,
    maxPositions: 512,
    tieEmbeddings: true,
    attentionBias: false,
    qkNorm: false,
    bosTokenId: special.indexOf(specialTokens.endOfText),
    eosTokenIds: [special.indexOf(specialTokens.end), special.indexOf(specialTokens.endOfText)],
  },
};

/** Tokens seen over all phases. */
export function tokensSeen({ phases, length }: Plan): number {
  return phases.reduce(
    (sum, { schedule, exerciseRows, textRows }) => sum + schedule.steps * (exerciseRows + textRows) * length,
    0,
  );
}
