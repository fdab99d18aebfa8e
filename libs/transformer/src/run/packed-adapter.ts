import { DomainError, invariant } from '@openledger/kernel';
import { modulePath, moduleShape } from '../graph/parameters.js';
import { moduleGroups, type Packing, pageRank } from '../graph/rank-pages.js';
import type { LoraConfig, LoraWeights, ModelConfig, TargetModule } from '../model.js';
import { narrowed, type PackedNumbers } from './packed-numbers.js';

/** The factors of one group as signed bytes, and what a product of their levels is worth. */
export interface PackedBytes {
  /** A, page by page: [in, modules · ranks of the page]. */
  readonly down: Int8Array;
  /** B of each module, by rank row. */
  readonly up: readonly Int8Array[];
  /** By module and rank row: the scales of A and B, and alpha / rank. */
  readonly scales: Float32Array;
}

/** The factors of one group by module and rank row, as exact as their file. */
export interface PackedFloats {
  readonly down: readonly PackedNumbers[];
  readonly up: readonly PackedNumbers[];
}

/** The adapted modules of one layer's group. */
export interface PackedGroup {
  readonly layer: number;
  /** Index in `moduleGroups`. */
  readonly group: number;
  /** Places of the adapted modules in the group. */
  readonly members: readonly number[];
  /** Bytes or floats, as the adapter's packing says. */
  readonly factors: PackedBytes | PackedFloats;
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
      const factors = packing === 'int8' ? packBytes(sites, rank, scale) : packFloats(sites, rank);
      return [{ layer, group, members, factors }];
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

type Numbers = Int8Array | Uint16Array | Float32Array;

function arraysOf({ groups }: Pick<PackedAdapter, 'groups'>): Numbers[] {
  return groups.flatMap(({ factors }): Numbers[] =>
    'scales' in factors
      ? [factors.down, ...factors.up, factors.scales]
      : [...factors.down, ...factors.up].map(({ data }) => data),
  );
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

function packFloats(sites: readonly Site[], rank: number): PackedFloats {
  return {
    down: sites.map(({ a }) => narrowed(finite(a).slice())),
    up: sites.map(({ b, out }) => byRank(b, out, rank)),
  };
}

const largestLevel = 127;

/** Bits of a float's size: they order sizes as their numbers do. */
const sizeBits = 0x7fff_ffff;

/** One scale for each rank row of A and of B, so that rows of very different size keep their digits. */
function packBytes(sites: readonly Site[], rank: number, scale: number): PackedBytes {
  const input = (sites[0]?.a.length ?? 0) / rank;
  const down = new Int8Array(sites.length * rank * input);
  const scales = new Float32Array(sites.length * rank);
  const up = sites.map(({ a, b, out }, member) => {
    const first = peaks(a, rank, { row: input, column: 1 });
    const second = peaks(b, rank, { row: 1, column: rank });
    for (let row = 0; row < rank; row += 1) {
      const page = Math.floor(row / pageRank);
      const ranks = Math.min(pageRank, rank - page * pageRank);
      const stride = sites.length * ranks;
      const inverse = inverseOf(first[row] ?? 0);
      const place = page * pageRank * sites.length * input + member * ranks + (row % pageRank);
      levelsOf(a.subarray(row * input, (row + 1) * input), inverse, { levels: down, place, stride });
      const worth = ((first[row] ?? 0) / largestLevel) * ((second[row] ?? 0) / largestLevel) * scale;
      scales[member * rank + row] = Math.min(worth, largestScale);
    }
    return bytesByRank(b, out, Float64Array.from(second, inverseOf));
  });
  return { down, up, scales };
}

/** Writes the levels of one row of numbers, `stride` apart; a function of its own so that it is compiled once. */
function levelsOf(
  numbers: Float32Array,
  inverse: number,
  { levels, place, stride }: { readonly levels: Int8Array; readonly place: number; readonly stride: number },
): void {
  let to = place;
  for (let from = 0; from < numbers.length; from += 1) {
    // Rounds to nearest: what is cut is positive.
    levels[to] = (((numbers[from] as number) * inverse + 128.5) | 0) - 128;
    to += stride;
  }
}

const inverseOf = (peak: number): number => (peak === 0 ? 0 : largestLevel / peak);

/** The largest size in each rank row, whose numbers are `column` apart. */
function peaks(
  data: Float32Array,
  rank: number,
  step: { readonly row: number; readonly column: number },
): Float32Array {
  const words = new Uint32Array(data.buffer, data.byteOffset, data.length);
  const found = new Uint32Array(rank);
  const isByRow = step.column === 1;
  const inner = isByRow ? step.row : rank;
  for (let from = 0, row = 0; from < words.length; row += 1) {
    for (let at = 0; at < inner; at += 1, from += 1) {
      const size = (words[from] as number) & sizeBits;
      const own = isByRow ? row : at;
      if (size > (found[own] as number)) found[own] = size;
    }
  }
  const largest = new Float32Array(found.buffer);
  if (!largest.every(Number.isFinite)) throw notFinite();
  return largest;
}

/** [out, rank] as levels [rank, out]. */
function bytesByRank(data: Float32Array, out: number, inverse: Float64Array): Int8Array {
  const rank = inverse.length;
  const levels = new Int8Array(data.length);
  for (let row = 0, from = 0; row < out; row += 1) {
    for (let at = 0, to = row; at < rank; at += 1, from += 1, to += out) {
      levels[to] = (((data[from] as number) * (inverse[at] as number) + 128.5) | 0) - 128;
    }
  }
  return levels;
}

/** Writes A in bytes to the pages of its group, [in, modules · 8] each, whose other columns are zero. */
export function spreadBytes(
  target: Int8Array,
  levels: Int8Array,
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
