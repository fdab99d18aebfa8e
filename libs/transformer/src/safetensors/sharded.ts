import { readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { DomainError } from '@openledger/kernel';
import type { Tensor } from '../model.js';
import { defaultSafetensorsLimits, refuseFile, type SafetensorsLimits } from './header.js';
import { readSafetensors } from './read.js';
import { StoredFile } from './stored.js';

const singleFile = 'model.safetensors';
const indexFile = 'model.safetensors.index.json';
const maxShards = 512;
const maxIndexBytes = 8 * 1_048_576;

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}

/** Names of the weight files of a model folder: one, or the shards that its index lists. */
export async function weightFiles(folder: string): Promise<string[]> {
  if (await isFile(join(folder, singleFile))) return [singleFile];
  if (!(await isFile(join(folder, indexFile)))) {
    throw new DomainError(
      'not-found',
      'MODEL_WEIGHTS_MISSING',
      `${folder} holds neither ${singleFile} nor ${indexFile}; other weight formats are not read.`,
    );
  }
  return [indexFile, ...new Set((await readIndex(folder)).values())];
}

async function readIndex(folder: string): Promise<Map<string, string>> {
  const path = join(folder, indexFile);
  if ((await stat(path)).size > maxIndexBytes)
    throw refuseFile(`${indexFile} is over ${maxIndexBytes} bytes`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw refuseFile(`${indexFile} is not JSON`, cause);
  }
  const map = (parsed as { weight_map?: unknown } | null)?.weight_map;
  if (typeof map !== 'object' || map === null) throw refuseFile(`${indexFile} has no weight_map`);
  const places = new Map<string, string>();
  for (const [name, file] of Object.entries(map)) {
    // A shard is a plain file name: an index must not lead out of its folder.
    if (typeof file !== 'string' || basename(file) !== file || !file.endsWith('.safetensors')) {
      throw refuseFile(`${indexFile} names a file that is not in the folder`);
    }
    places.set(name, file);
  }
  if (new Set(places.values()).size > maxShards)
    throw refuseFile(`${indexFile} lists over ${maxShards} shards`);
  return places;
}

/** Reads the weights of a model folder, whether in one file or in shards. */
export function readWeights(
  folder: string,
  limits: SafetensorsLimits = defaultSafetensorsLimits,
): Promise<Map<string, Tensor>> {
  return collect(folder, async (path) => (await readSafetensors(path, limits)).tensors);
}

/** Weights that stay in their files until they are read; none can be after `close`. */
export interface StoredWeights {
  readonly weights: Map<string, Tensor>;
  close(): void;
}

/** Opens the weights of a model folder without reading them. */
export async function openWeights(
  folder: string,
  limits: SafetensorsLimits = defaultSafetensorsLimits,
): Promise<StoredWeights> {
  const files: StoredFile[] = [];
  const close = () => {
    for (const file of files) file.close();
  };
  try {
    const weights = await collect<Tensor>(folder, (path) => {
      const file = new StoredFile(path, limits);
      files.push(file);
      return file.tensors;
    });
    return { weights, close };
  } catch (error) {
    close();
    throw error;
  }
}

type Reader<Content> = (path: string) => ReadonlyMap<string, Content> | Promise<ReadonlyMap<string, Content>>;

/** What every weight file of a folder holds, in agreement with the index of its shards. */
async function collect<Content>(folder: string, read: Reader<Content>): Promise<Map<string, Content>> {
  const [first = singleFile, ...shards] = await weightFiles(folder);
  if (first === singleFile) return new Map(await read(join(folder, singleFile)));
  const places = await readIndex(folder);
  const weights = new Map<string, Content>();
  for (const shard of shards) {
    for (const [name, tensor] of await read(join(folder, shard))) {
      if (places.get(name) !== shard)
        throw refuseFile(`"${name}" lies in ${shard}, which its index does not say`);
      weights.set(name, tensor);
    }
  }
  const missing = [...places.keys()].find((name) => !weights.has(name));
  if (missing !== undefined) throw refuseFile(`"${missing}" is listed in ${indexFile} but in no shard`);
  return weights;
}
