import {
  initialLora,
  initialWeights,
  type LoraConfig,
  type LoraWeights,
  type ModelConfig,
  normal,
  seededRandom,
  type Tensor,
} from '../src/index.js';

const llama: ModelConfig = {
  modelType: 'llama',
  vocabSize: 61,
  hiddenSize: 32,
  intermediateSize: 48,
  layerCount: 2,
  headCount: 4,
  kvHeadCount: 4,
  headDim: 8,
  rmsNormEps: 1e-5,
  ropeTheta: 10_000,
  maxPositions: 512,
  tieEmbeddings: true,
  attentionBias: false,
  qkNorm: false,
  eosTokenIds: [0],
};

/** One small configuration for each difference between the supported families. */
export const tinyModels: Readonly<Record<'llama' | 'mistral' | 'qwen2' | 'qwen3', ModelConfig>> = {
  llama,
  mistral: { ...llama, modelType: 'mistral', kvHeadCount: 2, tieEmbeddings: false },
  qwen2: { ...llama, modelType: 'qwen2', kvHeadCount: 1, attentionBias: true, rmsNormEps: 1e-6 },
  qwen3: { ...llama, modelType: 'qwen3', kvHeadCount: 2, headDim: 16, qkNorm: true, ropeTheta: 1e6 },
};

/** Weights large enough that every part of the model matters to its outputs. */
export function tinyWeights(config: ModelConfig, seed = 7): Map<string, Tensor> {
  const random = seededRandom(seed);
  const weights = new Map<string, Tensor>();
  for (const [name, { shape, data }] of initialWeights(config, seed)) {
    const isNorm = name.endsWith('norm.weight');
    const noise = shape.length > 1 ? 0.15 : 0.3;
    weights.set(name, { shape, data: data.map(() => (isNorm ? 1 : 0) + noise * normal(random)) });
  }
  return weights;
}

/** An adapter whose B is not zero. */
export function tinyLora(config: ModelConfig, lora: LoraConfig, seed: number): LoraWeights {
  const random = seededRandom(seed + 1);
  const weights = initialLora(config, lora, seed);
  for (const [name, { data }] of weights) {
    if (name.endsWith('lora_B.weight')) for (const index of data.keys()) data[index] = 0.2 * normal(random);
  }
  return weights;
}

export function randomTokens(count: number, config: ModelConfig, seed: number): Int32Array {
  const random = seededRandom(seed);
  return Int32Array.from({ length: count }, () => Math.floor(random() * config.vocabSize));
}

/** The largest difference of two tensors' elements. */
export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  for (let i = 0; i < a.length; i += 1) largest = Math.max(largest, Math.abs((a[i] ?? 0) - (b[i] ?? 0)));
  return largest;
}
