import {
  completionExample,
  defaultAdamW,
  type Example,
  initialWeights,
  type ModelConfig,
  normal,
  permutation,
  type Random,
  seededRandom,
  type Tensor,
  type TrainingRecipe,
  targetModules,
} from '@openledger/transformer';

const KEYS = 28;
const PAIRS = 6;
const VOCABULARY = 64;

/** Two layers over 64 tokens; random, so everything that is learnt is learnt by the adapter. */
const config: ModelConfig = {
  modelType: 'llama',
  vocabSize: VOCABULARY,
  hiddenSize: 32,
  intermediateSize: 48,
  layerCount: 2,
  headCount: 4,
  kvHeadCount: 2,
  headDim: 8,
  rmsNormEps: 1e-5,
  ropeTheta: 10_000,
  maxPositions: 64,
  tieEmbeddings: false,
  attentionBias: false,
  qkNorm: false,
  eosTokenIds: [0],
};

export interface TinyTask {
  readonly base: { readonly config: ModelConfig; readonly weights: ReadonlyMap<string, Tensor> };
  readonly recipe: TrainingRecipe;
  readonly examples: readonly Example[];
  /** Whose map each example is of. */
  readonly owners: readonly string[];
  readonly queries: readonly Example[];
}

/**
 * Contributors who each teach a map from keys to values of their own, in sequences that name the contributor; small
 * enough that a training takes a second.
 */
export function tinyTask(contributors: number, examplesEach: number, steps: number): TinyTask {
  const random = seededRandom(5);
  const maps = Array.from({ length: contributors }, () => permutation(KEYS, random));
  const examples: Example[] = [];
  const owners: string[] = [];
  const queries: Example[] = [];
  for (const [contributor, map] of maps.entries()) {
    for (let i = 0; i < examplesEach; i++) {
      examples.push(sequence(contributor, map, random));
      owners.push(`contributor-${contributor}`);
    }
    for (let i = 0; i < 2; i++) queries.push(sequence(contributor, map, random));
  }
  const recipe: TrainingRecipe = {
    lora: { rank: 4, alpha: 8, targetModules },
    seed: 3,
    batchRows: 8,
    schedule: { learningRate: 0.01, steps, warmupSteps: 2, finalShare: 0.1 },
    optimizer: { ...defaultAdamW, beta2: 0.99, epsilonRoot: 1e-7 },
    maxGradientNorm: 1,
    maxTokens: 2 * PAIRS + 1,
  };
  return { base: { config, weights: noisyWeights() }, recipe, examples, owners, queries };
}

/** The contributor, then pairs of a key and its value. */
function sequence(contributor: number, map: Uint32Array, random: Random): Example {
  const keys = permutation(KEYS, random).slice(0, PAIRS);
  const pairs = Array.from(keys).flatMap((key) => [8 + key, 8 + KEYS + (map[key] ?? 0)]);
  const { inputIds, labels } = completionExample([contributor, ...pairs]);
  // Keys are random: only values can be learnt.
  return { inputIds, labels: Int32Array.from(labels, (label, t) => (t % 2 === 1 ? label : -100)) };
}

function noisyWeights(): Map<string, Tensor> {
  const random = seededRandom(1);
  const weights = new Map<string, Tensor>();
  for (const [name, { shape, data }] of initialWeights(config, 1)) {
    const centre = name.endsWith('norm.weight') ? 1 : 0;
    weights.set(name, { shape, data: data.map(() => centre + 0.15 * normal(random)) });
  }
  return weights;
}
