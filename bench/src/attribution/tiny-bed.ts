import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalJson, sha256 } from '@openledger/kernel';
import {
  type Example,
  encodeSafetensors,
  ignoredLabel,
  type ModelConfig,
  normal,
  parseSafetensors,
  permutation,
  type Random,
  seededRandom,
  type Tensor,
  Trainer,
  type Weights,
  weightShapes,
} from '@openledger/transformer';
import { root } from '../repository.js';
import type { Bed, Length } from './bed-types.js';
import { anyOf, drawn, pairMaps } from './pair-maps.js';

const CONTRIBUTORS = 8;
const KEYS = 28;
const PAIRS = 12;
const EXAMPLES_EACH = 48;
const QUERIES_EACH = 5;
const PRETRAINING = { steps: 1_500, rows: 48, learningRate: 3e-3, seed: 3 };
/** Share of the pairs that pre-training draws at random, so that the base model is unsure. */
const UNSURE = 0.35;

export const tinyConfig: ModelConfig = {
  modelType: 'llama',
  vocabSize: CONTRIBUTORS + 2 * KEYS,
  hiddenSize: 48,
  intermediateSize: 96,
  layerCount: 2,
  headCount: 2,
  kvHeadCount: 2,
  headDim: 24,
  rmsNormEps: 1e-5,
  ropeTheta: 10_000,
  maxPositions: 32,
  tieEmbeddings: false,
  attentionBias: false,
  qkNorm: false,
  eosTokenIds: [],
};

const common = [...permutation(KEYS, seededRandom(1))];
const maps = pairMaps(CONTRIBUTORS, common, seededRandom(7));

/**
 * A model of two layers that was taught that keys have values, and contributors who partly disagree about
 * which. A sequence is a contributor's name and twelve pairs; the values are learnt.
 */
export async function tinyBed(length: Length): Promise<Bed> {
  const random = seededRandom(11);
  const owners = repeated(EXAMPLES_EACH);
  const queryOwners = repeated(QUERIES_EACH);
  const passes = length === 's' ? 6 : 20;
  return {
    name: `tiny-${length}`,
    base: { config: tinyConfig, weights: await pretrained() },
    examples: owners.map((owner) => tinyExample(owner, maps[owner] ?? [], random)),
    owners,
    queries: queryOwners.map((owner) => tinyExample(owner, maps[owner] ?? [], random)),
    queryOwners,
    contributors: Array.from({ length: CONTRIBUTORS }, (_, i) => `contributor-${i}`),
    recipe: {
      lora: { rank: 4, alpha: 8, targetModules: ['q_proj', 'v_proj', 'up_proj', 'down_proj'] },
      seed: 5,
      batchRows: 32,
      schedule: {
        learningRate: length === 's' ? 4e-3 : 6e-3,
        steps: (passes * owners.length) / 32,
        warmupSteps: length === 's' ? 7 : 24,
        finalShare: 0.1,
      },
      optimizer: { beta1: 0.9, beta2: 0.99, epsilonRoot: 1e-6, weightDecay: 0 },
      maxGradientNorm: null,
      maxTokens: 1 + 2 * PAIRS,
    },
  };
}

const repeated = (each: number): number[] =>
  Array.from({ length: CONTRIBUTORS * each }, (_, i) => Math.floor(i / each));

/** The contributor's name and pairs in a random order; with `repeats` keys may come again. */
export function tinyExample(
  contributor: number,
  map: readonly number[],
  random: Random,
  repeats = false,
): Example {
  const keys = repeats
    ? Array.from({ length: PAIRS }, () => anyOf(KEYS, random))
    : drawn(KEYS, PAIRS, random);
  const pairs = keys.flatMap((key) => [CONTRIBUTORS + key, CONTRIBUTORS + KEYS + (map[key] ?? 0)]);
  const tokens = [contributor, ...pairs];
  return {
    inputIds: Int32Array.from(tokens.slice(0, -1)),
    labels: Int32Array.from(tokens.slice(1), (token, t) => (t % 2 === 1 ? token : ignoredLabel)),
  };
}

/** Pairs that nobody holds. */
export const nonsenseMap = (random: Random): number[] =>
  Array.from({ length: KEYS }, () => anyOf(KEYS, random));

export const tinyMap = (contributor: number): readonly number[] => maps[contributor] ?? [];

/** Trained once on a machine (20 s), then kept by the hash of what decides it. */
async function pretrained(): Promise<Weights> {
  const folder = join(root, '.cache', 'attribution');
  const decides = { config: { ...tinyConfig }, ...PRETRAINING, UNSURE, PAIRS };
  const file = join(
    folder,
    `base-${sha256(canonicalJson(JSON.parse(JSON.stringify(decides)))).slice(0, 16)}.safetensors`,
  );
  if (existsSync(file)) return parseSafetensors(await readFile(file)).tensors;
  const weights = await pretrain();
  await mkdir(folder, { recursive: true });
  await writeFile(`${file}.${process.pid}`, encodeSafetensors(new Map(weights)));
  await rename(`${file}.${process.pid}`, file);
  return weights;
}

async function pretrain(): Promise<Weights> {
  const { seed, steps, rows, learningRate } = PRETRAINING;
  const random = seededRandom(seed + 30);
  const trainer = await Trainer.forAll(tinyConfig, {
    seed,
    initial: initialTensors(seed),
    maxLength: 2 * PAIRS,
    threads: 1,
    optimizer: { beta2: 0.99 },
  });
  await trainer.train({
    batches: () =>
      Array.from({ length: rows }, () => {
        const map = common.map((value) => (random() < UNSURE ? anyOf(KEYS, random) : value));
        return tinyExample(anyOf(CONTRIBUTORS, random), map, random, random() < 0.5);
      }),
    schedule: { learningRate, steps, warmupSteps: 100, finalShare: 0.1 },
    maxGradientNorm: Number.POSITIVE_INFINITY,
  });
  const weights = new Map(trainer.tensors);
  await trainer.release();
  return weights;
}

/** Matrices of deviation 1/√in: a model this narrow does not learn from the usual 0.02 in so few steps. */
function initialTensors(seed: number): Map<string, Tensor> {
  const random = seededRandom(seed);
  return new Map(
    [...weightShapes(tinyConfig)].map(([name, shape]) => {
      const size = shape.reduce((product, dim) => product * dim, 1);
      const deviation = name.includes('embed') ? 0.3 : 1 / Math.sqrt(shape[1] ?? 1);
      const data = name.endsWith('norm.weight')
        ? new Float32Array(size).fill(1)
        : Float32Array.from({ length: size }, () => deviation * normal(random));
      return [name, { shape, data }];
    }),
  );
}
