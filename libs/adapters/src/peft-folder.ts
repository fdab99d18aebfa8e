import { mkdir, open, readFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DomainError, type Sha256 } from '@openledger/kernel';
import {
  defaultSafetensorsLimits,
  encodeSafetensors,
  type LoraConfig,
  type LoraWeights,
  type ModelConfig,
  parseSafetensors,
  type Tensor,
} from '@openledger/transformer';
import {
  type Adapter,
  type AdapterFiles,
  adapterDigest,
  configFile,
  refuseAdapter,
  weightsFile,
} from './adapter.js';
import { parsePeftConfig } from './peft-config.js';
import { peftPrefix, resolveAdapter } from './resolve.js';

/** An adapter of rank 128 on every layer of an 8-billion-parameter model has 1.3 GB in float32. */
const maxWeightBytes = 2_000_000_000;
const maxConfigBytes = 262_144;

export interface ParseOptions {
  /** Of these files, where it is known already. */
  readonly digest?: Sha256;
  /** Where weights are decoded to; fresh memory unless told. */
  readonly floats?: (count: number) => Float32Array;
}

/** Reads the two files of an adapter for a base model; refuses what could not be served exactly. */
export function parseAdapter(files: AdapterFiles, model: ModelConfig, options: ParseOptions = {}): Adapter {
  if (files.config.length > maxConfigBytes) throw tooLarge(configFile, maxConfigBytes);
  if (files.weights.length > maxWeightBytes) throw tooLarge(weightsFile, maxWeightBytes);
  refusePickle(files.weights);
  const peft = parsePeftConfig(new TextDecoder().decode(files.config));
  const { tensors } = parseSafetensors(files.weights, defaultSafetensorsLimits, options.floats);
  return {
    ...resolveAdapter(peft, tensors, model),
    baseModel: peft.baseModel,
    digest: options.digest ?? adapterDigest(files),
  };
}

/**
 * What `torch.save` writes begins as a zip archive or, formerly, as a pickle of protocol 2 or later. Named
 * here because a file can be renamed; nothing of it is ever read.
 */
function refusePickle([first, second]: Uint8Array): void {
  const isZip = first === 0x50 && second === 0x4b;
  const isPickle = first === 0x80 && second !== undefined && second >= 2 && second <= 5;
  if (!isZip && !isPickle) return;
  const message = `${weightsFile} is a pickle of PyTorch, which may run programs: save it as safetensors.`;
  throw refuseAdapter('ADAPTER_FILE_PICKLED', message);
}

const tooLarge = (name: string, bytesMax: number) =>
  refuseAdapter('ADAPTER_FILE_TOO_LARGE', `${name} is over the limit of ${bytesMax} bytes.`);

/** Reads a PEFT folder. */
export async function readAdapterFolder(folder: string, model: ModelConfig): Promise<Adapter> {
  const [config, weights] = await Promise.all([
    readBounded(join(folder, configFile), maxConfigBytes),
    readBounded(join(folder, weightsFile), maxWeightBytes),
  ]);
  return parseAdapter({ config, weights }, model);
}

/** The files of an adapter as PEFT and vLLM read them; the same adapter gives the same bytes. */
export function encodeAdapter(lora: LoraConfig, weights: LoraWeights, baseModel: string): AdapterFiles {
  const config = {
    peft_type: 'LORA',
    task_type: 'CAUSAL_LM',
    base_model_name_or_path: baseModel,
    r: lora.rank,
    lora_alpha: lora.alpha,
    lora_dropout: 0,
    target_modules: [...lora.targetModules],
    bias: 'none',
    fan_in_fan_out: false,
    use_rslora: false,
    use_dora: false,
    modules_to_save: null,
    inference_mode: true,
  };
  const named = new Map<string, Tensor>();
  for (const [name, tensor] of weights) named.set(peftPrefix + name, tensor);
  return {
    config: new TextEncoder().encode(`${JSON.stringify(config, null, 2)}\n`),
    weights: encodeSafetensors(named, { metadata: { format: 'pt' } }),
  };
}

/** Writes a PEFT folder and returns the adapter's digest. The config comes last: a folder with it is whole. */
export async function writeAdapterFolder(folder: string, files: AdapterFiles): Promise<Sha256> {
  await mkdir(folder, { recursive: true });
  await writeWhole(join(folder, weightsFile), files.weights);
  await writeWhole(join(folder, configFile), files.config);
  return adapterDigest(files);
}

async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  {
    await using file = await open(`${path}.partial`, 'w');
    await file.writeFile(bytes);
    await file.sync();
  }
  await rename(`${path}.partial`, path);
}

async function readBounded(path: string, maxBytes: number): Promise<Uint8Array> {
  const { size } = await stat(path).catch((cause: unknown) => {
    throw new DomainError('not-found', 'ADAPTER_FILE_MISSING', `There is no ${path}.`, { cause });
  });
  if (size > maxBytes) throw tooLarge(path, maxBytes);
  return readFile(path);
}
