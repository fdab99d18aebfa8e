import { DomainError, invariant } from '@openledger/kernel';
import { modulePath, moduleShape } from '../graph/parameters.js';
import { moduleGroups, type Packing, pageRank } from '../graph/rank-pages.js';
import type { LoraConfig, LoraWeights, ModelConfig, TargetModule } from '../model.js';
import { narrowed, type PackedNumbers } from './packed-numbers.js';

/** A of one group as signed bytes, page by page: [in, modules · ranks of the page], and what a level is worth. */
export interface PackedBytes {
  readonly levels: Int8Array;
  /** By module and rank row, with alpha / rank. */
  readonly scales: Float32Array;
}

/** The factors of the adapted modules of one layer's group. */
export interface PackedGroup {
  readonly layer: number;
  /** Index in `moduleGroups`. */
  readonly group: number;
  /** Places of the adapted modules in the group. */
  readonly members: readonly number[];
  /** A, by rank row of each module where it is not in bytes. */
  readonly down: PackedBytes | readonly PackedNumbers[];
  /** B of each module, by rank row. */
  readonly up: readonly PackedNumbers[];
}

/**
 * An adapter in memory, ready for a pool. Plain data that moves between threads without a copy (see
 * {@link packedBuffers}); within a pool the object is the adapter's identity, so keep one for a digest.
 */
export interface PackedAdapter {
  readonly packing: Packing;
  readonly rank: number;
  /** Pages of rank 8 that it takes in a pool: one, or else an even number. */
  readonly pages: number;
  readonly targetModules: readonly TargetModule[];
  readonly bytes: number;
  /** alpha / rank. */
  readonly scale: number;
  readonly groups: readonly PackedGroup[];
}

/** Adapter weights as read from a file, with what its config says. */
export interface AdapterContent {
  readonly config: LoraConfig;
  readonly weights: LoraWeights;
}

/** Far below where a product with the largest sum of bytes would overflow. */
const largestScale = 1e28;

/** Brings an adapter into the form that pools take; needs no runtime, so it can be done in any thread. */
export function packAdapter(
  model: ModelConfig,
  content: AdapterContent,
  { packing }: { readonly packing: Packing },
): PackedAdapter {
  const { rank, alpha, targetModules } = content.config;
  if (!Number.isSafeInteger(rank) || rank < 1) {
    throw new DomainError('invalid', 'ADAPTER_RANK', `An adapter cannot have rank ${rank}.`);
  }
  const scale = alpha / rank;
  const groups = [...Array(model.layerCount).keys()].flatMap((layer) =>
    moduleGroups.flatMap((modules, group): PackedGroup[] => {
      const members = [...modules.keys()].filter((at) => targetModules.includes(modules[at] ?? 'q_proj'));
      if (members.length === 0) return [];
      const sites = members.map((at) => readSite(model, content, layer, modules[at] ?? 'q_proj'));
      const up = sites.map(({ b, out }) => byRank(b, out, rank));
      const down =
        packing === 'int8'
          ? packBytes(
              sites.map(({ a }) => a),
              rank,
              scale,
            )
          : sites.map(({ a }) => narrowed(finite(a).slice()));
      return [{ layer, group, members, down, up }];
    }),
  );
  const pages = rank <= pageRank ? 1 : 2 * Math.ceil(rank / (2 * pageRank));
  const packed = { packing, rank, pages, targetModules: [...targetModules], scale, groups };
  const bytes = arraysOf(packed).reduce((sum, { byteLength }) => sum + byteLength, 0);
  return { ...packed, bytes };
}

/** The buffers of an adapter, for the transfer list of a message. */
export function packedBuffers(adapter: PackedAdapter): ArrayBuffer[] {
  return arraysOf(adapter).flatMap(({ buffer }) => (buffer instanceof ArrayBuffer ? [buffer] : []));
}

function arraysOf({ groups }: Pick<PackedAdapter, 'groups'>) {
  return groups.flatMap(({ down, up }) => [
    ...('levels' in down ? [down.levels, down.scales] : down.map(({ data }) => data)),
    ...up.map(({ data }) => data),
  ]);
}

interface Site {
  readonly a: Float32Array;
  readonly b: Float32Array;
  readonly out: number;
}

function readSite(
  model: ModelConfig,
  { config: { rank }, weights }: AdapterContent,
  layer: number,
  module: TargetModule,
): Site {
  const path = modulePath(layer, module);
  const [out, input] = moduleShape(model, module);
  const read = (part: 'A' | 'B', shape: readonly number[]): Float32Array => {
    const name = `${path}.lora_${part}.weight`;
    const tensor = weights.get(name);
    if (tensor?.shape.join() !== shape.join()) {
      const actual = tensor ? `[${tensor.shape.join(', ')}]` : 'missing';
      const message = `${name} must be [${shape.join(', ')}] for this model, but is ${actual}.`;
      throw new DomainError('invalid', 'ADAPTER_SHAPE', message);
    }
    return tensor.data;
  };
  return { a: read('A', [rank, input]), b: read('B', [out, rank]), out };
}

/** Values that are not finite would turn the zeros of other rows into NaN. */
function notFinite(): DomainError {
  return new DomainError('invalid', 'ADAPTER_NOT_FINITE', 'The adapter has values that are not finite.');
}

function finite(data: Float32Array): Float32Array {
  let zero = 0;
  for (let at = 0; at < data.length; at += 1) zero += (data[at] as number) * 0;
  if (zero === 0) return data;
  throw notFinite();
}

const exponentBits = 0x7f80_0000;

/** [out, rank] as [rank, out]. One pass over what came as bfloat16, which is nearly everything. */
function byRank(data: Float32Array, out: number, rank: number): PackedNumbers {
  const words = new Uint32Array(data.buffer, data.byteOffset, data.length);
  const brains = new Uint16Array(data.length);
  let low = 0;
  for (let row = 0, from = 0; row < out; row += 1) {
    for (let to = row; to < brains.length; to += out, from += 1) {
      const word = words[from] as number;
      if ((word & exponentBits) === exponentBits) throw notFinite();
      low |= word;
      brains[to] = word >>> 16;
    }
  }
  if ((low & 0xffff) === 0) return { format: 'bf16', data: brains };
  return narrowed(transposed(data, out, rank));
}

function transposed(data: Float32Array, rows: number, columns: number): Float32Array {
  const result = new Float32Array(data.length);
  for (let column = 0; column < columns; column += 1) {
    const target = column * rows;
    for (let row = 0; row < rows; row += 1) result[target + row] = data[row * columns + column] as number;
  }
  return result;
}

const largestLevel = 127;

/** One scale for each rank row, so that rows of very different size keep their digits. */
function packBytes(factors: readonly Float32Array[], rank: number, scale: number): PackedBytes {
  const input = (factors[0]?.length ?? 0) / rank;
  const levels = new Int8Array(factors.length * rank * input);
  const scales = new Float32Array(factors.length * rank);
  for (const [member, data] of factors.entries()) {
    for (let row = 0; row < rank; row += 1) {
      let size = 0;
      for (let at = row * input; at < (row + 1) * input; at += 1) {
        size = Math.max(size, Math.abs(data[at] as number));
      }
      if (!Number.isFinite(size)) throw notFinite();
      scales[member * rank + row] = Math.min((size / largestLevel) * scale, largestScale);
      const inverse = size === 0 ? 0 : largestLevel / size;
      const page = Math.floor(row / pageRank);
      const ranks = Math.min(pageRank, rank - page * pageRank);
      const stride = factors.length * ranks;
      let to = page * pageRank * factors.length * input + member * ranks + (row % pageRank);
      for (let column = 0; column < input; column += 1) {
        // Rounds to nearest: what is cut is positive.
        levels[to] = (((data[row * input + column] as number) * inverse + 128.5) | 0) - 128;
        to += stride;
      }
    }
  }
  return { levels, scales };
}

/** Writes A in bytes to the pages of its group, [in, modules · 8] each, whose other columns are zero. */
export function spreadBytes(
  target: Int8Array,
  { levels }: PackedBytes,
  how: { readonly rank: number; readonly members: readonly number[]; readonly modules: number },
): void {
  const { rank, members, modules } = how;
  const input = levels.length / (members.length * rank);
  const pageSize = input * modules * pageRank;
  invariant(target.length >= Math.ceil(rank / pageRank) * pageSize, 'A does not fit its pages');
  target.fill(0);
  for (let first = 0; first < rank; first += pageRank) {
    const ranks = Math.min(pageRank, rank - first);
    const stride = members.length * ranks;
    const from = levels.subarray(first * members.length * input, (first + ranks) * members.length * input);
    const to = (first / pageRank) * pageSize;
    if (ranks === pageRank && members.length === modules) {
      target.set(from, to);
      continue;
    }
    for (let column = 0; column < input; column += 1) {
      for (const [index, member] of members.entries()) {
        const at = to + column * modules * pageRank + member * pageRank;
        for (let row = 0; row < ranks; row += 1) {
          target[at + row] = from[column * stride + index * ranks + row] as number;
        }
      }
    }
  }
}
