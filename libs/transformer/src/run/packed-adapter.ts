import { DomainError, invariant } from '@openledger/kernel';
import { modulePath, moduleShape } from '../graph/parameters.js';
import { pageRank } from '../graph/rank-pages.js';
import type { LoraConfig, LoraWeights, ModelConfig, TargetModule } from '../model.js';

/** How a session wants adapters packed; an adapter is loaded only into a pool of the same packing. */
export type Packing = 'float32' | 'int8';

/** Numbers in the narrowest of three formats that holds them exactly. */
export type PackedNumbers =
  | { readonly format: 'f32'; readonly data: Float32Array }
  | { readonly format: 'bf16' | 'f16'; readonly data: Uint16Array };

/** The two factors of one linear layer, by rank row: A as [rank, in], B as [rank, out]. */
export interface PackedSite {
  readonly a: PackedNumbers;
  readonly b: PackedNumbers;
}

/**
 * An adapter in memory, ready for a pool. Plain data that moves between threads without a copy (see
 * {@link packedBuffers}); within a pool the object is the adapter's identity, so keep one for a digest.
 */
export interface PackedAdapter {
  readonly packing: Packing;
  readonly rank: number;
  /** Pages of rank 8 that it takes in a pool. */
  readonly pages: number;
  readonly targetModules: readonly TargetModule[];
  readonly bytes: number;
  /** alpha / rank; multiplied in when the adapter is written into a pool. */
  readonly scale: number;
  /** By module path, such as `model.layers.0.self_attn.q_proj`. */
  readonly sites: ReadonlyMap<string, PackedSite>;
}

/** The buffers of an adapter, for the transfer list of a message. */
export function packedBuffers({ sites }: PackedAdapter): ArrayBuffer[] {
  return [...sites.values()].flatMap(({ a, b }) => [a, b].map(({ data }) => data.buffer as ArrayBuffer));
}

/** Adapter weights as read from a file, with what its config says. */
export interface AdapterContent {
  readonly config: LoraConfig;
  readonly weights: LoraWeights;
}

/** @deprecated until the last user packs its adapters. */
export type ServedAdapter = AdapterContent;

/** Brings an adapter into the form that pools take; needs no runtime, so it can be done in any thread. */
export function packAdapter(
  model: ModelConfig,
  { config, weights }: AdapterContent,
  { packing }: { readonly packing: Packing },
): PackedAdapter {
  const { rank } = config;
  if (!Number.isSafeInteger(rank) || rank < 1) {
    throw new DomainError('invalid', 'ADAPTER_RANK', `An adapter cannot have rank ${rank}.`);
  }
  const sites = new Map<string, PackedSite>();
  let bytes = 0;
  for (let layer = 0; layer < model.layerCount; layer += 1) {
    for (const module of config.targetModules) {
      const path = modulePath(layer, module);
      const [out, input] = moduleShape(model, module);
      const a = matrix(weights, `${path}.lora_A.weight`, [rank, input]);
      const b = matrix(weights, `${path}.lora_B.weight`, [out, rank]);
      const site = { a: narrowest(a.slice()), b: narrowest(transposed(b, out, rank)) };
      sites.set(path, site);
      bytes += site.a.data.byteLength + site.b.data.byteLength;
    }
  }
  const pages = Math.ceil(rank / pageRank);
  const scale = config.alpha / rank;
  return { packing, rank, pages, targetModules: [...config.targetModules], bytes, scale, sites };
}

function matrix(weights: LoraWeights, name: string, shape: readonly number[]): Float32Array {
  const tensor = weights.get(name);
  if (tensor?.shape.join() === shape.join()) return tensor.data;
  throw new DomainError(
    'invalid',
    'ADAPTER_SHAPE',
    `${name} is ${tensor ? `[${tensor.shape.join(', ')}]` : 'missing'}; the model needs [${shape.join(', ')}].`,
  );
}

function transposed(data: Float32Array, rows: number, columns: number): Float32Array {
  const result = new Float32Array(data.length);
  for (let column = 0; column < columns; column += 1) {
    const target = column * rows;
    for (let row = 0; row < rows; row += 1) result[target + row] = data[row * columns + column] as number;
  }
  return result;
}

function narrowest(data: Float32Array): PackedNumbers {
  const words = new Uint32Array(data.buffer, data.byteOffset, data.length);
  if (words.every((word) => (word & 0xffff) === 0)) {
    return { format: 'bf16', data: Uint16Array.from(words, (word) => word >>> 16) };
  }
  const half = new Float16Array(data);
  if (half.every((value, at) => value === data[at])) {
    return { format: 'f16', data: new Uint16Array(half.buffer) };
  }
  return { format: 'f32', data };
}

const largestFloat = 3.402_823e38;

/** Every float16 as float32, by its bits. */
let halves: Float32Array | undefined;

/** Writes numbers, multiplied by `scale`, to the front of `target`. */
export function widenInto(target: Float32Array, { format, data }: PackedNumbers, scale: number): void {
  invariant(data.length <= target.length, 'the numbers do not fit');
  if (format === 'bf16') {
    const words = new Uint32Array(target.buffer, target.byteOffset, data.length);
    for (let at = 0; at < data.length; at += 1) words[at] = (data[at] as number) << 16;
  } else if (format === 'f16') {
    halves ??= new Float32Array(
      new Float16Array(Uint16Array.from({ length: 65_536 }, (_, bits) => bits).buffer),
    );
    for (let at = 0; at < data.length; at += 1) target[at] = halves[data[at] as number] as number;
  } else target.set(data);
  if (scale === 1) return;
  for (let at = 0; at < data.length; at += 1) {
    // Finite, because what is not would turn the zeros of other rows into NaN.
    target[at] = Math.min(Math.max((target[at] as number) * scale, -largestFloat), largestFloat);
  }
}
