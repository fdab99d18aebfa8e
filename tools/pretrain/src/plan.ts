import type { ModelConfig, Schedule } from '@openledger/transformer';
import { specialTokens } from './tokenizer/special-tokens.js';

/** Everything that decides the outcome of a pre-training run. */
export interface Plan {
  readonly trainingDocuments: number;
  readonly heldOutDocuments: number;
  /** Entries of the vocabulary, special tokens included. */
  readonly vocabularySize: number;
  readonly rows: number;
  /** Tokens per row. */
  readonly length: number;
  readonly schedule: Schedule;
  readonly weightDecay: number;
  readonly beta2: number;
  readonly seed: number;
  readonly model: ModelConfig;
}

const special: readonly string[] = Object.values(specialTokens);

/** The published model: 2.8 million parameters, 4.1 million tokens seen. */
export const seedlingPlan: Plan = {
  trainingDocuments: 37_000,
  heldOutDocuments: 400,
  vocabularySize: 2048,
  rows: 8,
  length: 256,
  schedule: { learningRate: 2e-3, steps: 2000, warmupSteps: 100, finalShare: 0.05 },
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
