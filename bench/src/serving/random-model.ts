import { copyFile, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type AdapterFiles, adapterDigest, encodeAdapter } from '@openledger/adapters';
import {
  encodeSafetensors,
  type LoraConfig,
  type LoraWeights,
  llamaConfigJson,
  loraShapes,
  type ModelConfig,
  type TargetModule,
  type Tensor,
  targetModules,
  type Weights,
  weightShapes,
  writeSafetensors,
} from '@openledger/transformer';
import { root, seedlingDir } from '../repository.js';

/** Shapes of Qwen2.5-0.5B: what a step costs depends on them, not on what the weights are. */
export const halfBillion: ModelConfig = {
  modelType: 'qwen2',
  vocabSize: 151_936,
  hiddenSize: 896,
  intermediateSize: 4_864,
  layerCount: 24,
  headCount: 14,
  kvHeadCount: 2,
  headDim: 64,
  rmsNormEps: 1e-6,
  ropeTheta: 1_000_000,
  maxPositions: 32_768,
  tieEmbeddings: true,
  attentionBias: true,
  qkNorm: false,
  eosTokenIds: [],
};

/** The same shapes in fewer layers, for ratios that do not depend on depth. */
export const withLayers = (layerCount: number): ModelConfig => ({ ...halfBillion, layerCount });

export const attentionModules: readonly TargetModule[] = ['q_proj', 'k_proj', 'v_proj', 'o_proj'];

/** Standard deviation of matrices in a fresh model. */
const DEVIATION = 0.02;

/** Uniform numbers of the given deviation by Marsaglia's xorshift32 (2003); fast enough for a billion. */
function fillUniform(target: Float32Array, deviation: number, seed: number): void {
  const scale = (deviation * Math.sqrt(12)) / 2 ** 32;
  let state = seed | 0 || 1;
  for (let at = 0; at < target.length; at += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    target[at] = state * scale;
  }
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

/** Matrices at random, norms at one, biases at zero; equal for equal configurations. */
export function randomWeights(config: ModelConfig): Weights {
  const weights = new Map<string, Tensor>();
  for (const [index, [name, shape]] of [...weightShapes(config)].entries()) {
    const data = new Float32Array(sizeOf(shape));
    if (name.endsWith('norm.weight')) data.fill(1);
    else if (shape.length > 1) fillUniform(data, DEVIATION, 7_919 * (index + 1));
    weights.set(name, { shape, data });
  }
  return weights;
}

export interface RandomAdapterShape {
  readonly rank: number;
  readonly targetModules?: readonly TargetModule[];
  readonly seed: number;
}

/** An adapter whose change is small beside the base weights, as a trained one's is. */
export function randomAdapter(
  model: ModelConfig,
  { rank, seed, targetModules: modules = targetModules }: RandomAdapterShape,
): { readonly config: LoraConfig; readonly weights: LoraWeights } {
  const config: LoraConfig = { rank, alpha: 2 * rank, targetModules: modules };
  const weights: LoraWeights = new Map();
  for (const [index, [name, shape]] of [...loraShapes(model, config)].entries()) {
    const data = new Float32Array(sizeOf(shape));
    fillUniform(data, DEVIATION, 104_729 * seed + 31 * index + 1);
    weights.set(name, { shape, data });
  }
  return { config, weights };
}

/** The adapter as PEFT files in bfloat16: 17.6 MB at rank 16 on all linear layers of {@link halfBillion}. */
export function randomAdapterFiles(
  model: ModelConfig,
  shape: RandomAdapterShape,
): AdapterFiles & { readonly digest: string } {
  const { config: lora, weights } = randomAdapter(model, shape);
  const named = new Map([...weights].map(([name, tensor]) => [`base_model.model.${name}`, tensor]));
  const { config } = encodeAdapter(lora, new Map(), 'random');
  const files = { config, weights: encodeSafetensors(named, { dtype: 'BF16', metadata: { format: 'pt' } }) };
  return { ...files, digest: adapterDigest(files) };
}

/**
 * A Hugging Face folder of random bfloat16 weights, made once below `.cache`. Its tokenizer is seedling's:
 * token ids beyond it have no text.
 */
export async function randomModelFolder(model: ModelConfig): Promise<string> {
  const folder = join(root, '.cache', 'bench', `random-${model.hiddenSize}x${model.layerCount}`);
  const whole = await readFile(join(folder, 'config.json')).catch(() => undefined);
  if (whole) return folder;
  const partial = `${folder}.partial-${process.pid}`;
  await mkdir(partial, { recursive: true });
  for (const name of ['tokenizer.json', 'tokenizer_config.json']) {
    await copyFile(join(seedlingDir, name), join(partial, name));
  }
  const format = { dtype: 'BF16', metadata: { format: 'pt' } } as const;
  await writeSafetensors(join(partial, 'model.safetensors'), randomWeights(model), format);
  await writeFile(join(partial, 'config.json'), configJson(model));
  await rm(folder, { recursive: true, force: true });
  await rename(partial, folder);
  return folder;
}

function configJson(model: ModelConfig): string {
  const qwen = { architectures: ['Qwen2ForCausalLM'], model_type: 'qwen2' };
  return `${JSON.stringify({ ...llamaConfigJson(model), ...qwen }, null, 2)}\n`;
}
