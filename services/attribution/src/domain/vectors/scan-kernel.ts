import { invariant } from '@openledger/kernel';
import { type Code, wasm, wasmModule } from './wasm-module.js';

/** Of a WebAssembly memory of 4 GiB. */
export const PAGES_MAX = 65_536;
export const PAGE_BYTES = 65_536;

/** Rows that one step of the kernel takes: it computes up to three rows beyond the last, which must be addressable. */
export const KERNEL_ROWS = 4;

export interface KernelShape {
  /** Numbers of the query; a multiple of 16. */
  readonly length: number;
  /** Bytes from one row to the next. */
  readonly stride: number;
  /** Of a number in the rows. */
  readonly bytes: 1 | 2;
}

export interface ScanKernel {
  /** Writes Σ row · query as int32 for each of `count` rows, rounded up to a multiple of four; all at byte addresses. */
  readonly products: (rows: number, query: number, out: number, count: number) => void;
  /** Only reads: exclusive or of all bytes (a multiple of 128). What memory allows, for comparison. */
  readonly read: (at: number, bytes: number) => number;
}

/**
 * Products of rows of 8- or 16-bit integers with one query of 16-bit integers, four rows at a time, so that each part of
 * the query is loaded once for four rows. Written out for one shape: the compiler gets constant addresses and no inner
 * loop. `i32x4.dot_i16x8_s` multiplies eight pairs and adds neighbours; the bounds of `quantise.ts` exclude overflow.
 */
export function scanKernelModule({ length, stride, bytes }: KernelShape): WebAssembly.Module {
  invariant(length % 16 === 0 && length * bytes <= stride, 'the kernel takes 16 numbers of a row at a step');
  const [rows, query, out, count, end] = [0, 1, 2, 3, 4];
  const sums = [5, 6, 7, 8];
  const [low, high, part] = [9, 10, 11];
  const { get, set, tee, load } = wasm;
  const addDot = (sum: number, half: number): Code => [
    ...get(half),
    ...wasm.dot,
    ...get(sum),
    ...wasm.addLanes,
  ];
  const rowStep = (sum: number, offset: number): Code =>
    bytes === 1
      ? [
          ...[
            ...get(rows),
            ...load(offset),
            ...tee(part),
            ...wasm.extendLow,
            ...addDot(sum, low),
            ...set(sum),
          ],
          ...[...get(part), ...wasm.extendHigh, ...addDot(sum, high), ...set(sum)],
        ]
      : [
          ...[...get(rows), ...load(offset), ...addDot(sum, low), ...set(sum)],
          ...[...get(rows), ...load(offset + 16), ...addDot(sum, high), ...set(sum)],
        ];
  const step = (from: number): Code => [
    ...[...get(query), ...load(2 * from), ...set(low), ...get(query), ...load(2 * from + 16), ...set(high)],
    ...sums.flatMap((sum, row) => rowStep(sum, row * stride + from * bytes)),
  ];
  // Lanes of the four sums are added crosswise, so that lane i of the result is the whole sum of row i.
  const folded = (a: Code, b: Code, lanes: readonly [Code, Code]): Code => [
    ...[...a, ...b, ...lanes[0], ...a, ...b, ...lanes[1], ...wasm.addLanes],
  ];
  const pairs = [wasm.pick(0, 4, 1, 5), wasm.pick(2, 6, 3, 7)] as const;
  const halves = [wasm.pick(0, 1, 4, 5), wasm.pick(2, 3, 6, 7)] as const;
  const [first, second, third, fourth] = sums.map(get) as [Code, Code, Code, Code];
  const body: Code = [
    ...[...get(out), ...get(count), ...wasm.constant(4), ...wasm.multiply, ...wasm.add, ...set(end)],
    ...wasm.doWhile(
      [
        ...sums.flatMap((sum) => [...wasm.zero, ...set(sum)]),
        ...Array.from({ length: length / 16 }, (_, index) => step(16 * index)).flat(),
        ...[...folded(first, second, pairs), ...set(low), ...folded(third, fourth, pairs), ...set(high)],
        ...[...get(out), ...folded(get(low), get(high), halves), ...wasm.store(0)],
        ...[...get(rows), ...wasm.constant(KERNEL_ROWS * stride), ...wasm.add, ...set(rows)],
      ],
      [
        ...[...get(out), ...wasm.constant(4 * KERNEL_ROWS), ...wasm.add, ...tee(out)],
        ...[...get(end), ...wasm.lessUnsigned],
      ],
    ),
  ];
  const products = {
    name: 'products',
    parameters: 4,
    results: 0,
    locals: { i32: 1, v128: 7 },
    body,
  } as const;
  return new WebAssembly.Module(wasmModule([products, readFunction], PAGES_MAX));
}

/** The kernel on a memory; cheap once the module is compiled. */
export function scanKernel(module: WebAssembly.Module, memory: WebAssembly.Memory): ScanKernel {
  const { products, read } = new WebAssembly.Instance(module, { env: { memory } }).exports;
  return { products, read } as ScanKernel;
}

const readFunction = (() => {
  const [at, bytes, end] = [0, 1, 2];
  const sums = [3, 4, 5, 6];
  const { get, set, tee } = wasm;
  const STEP = 128;
  const body: Code = [
    ...[...get(at), ...get(bytes), ...wasm.add, ...set(end)],
    ...wasm.doWhile(
      Array.from({ length: STEP / 16 }, (_, index) => {
        const sum = sums[index % sums.length] ?? 0;
        return [...get(sum), ...get(at), ...wasm.load(16 * index), ...wasm.xor, ...set(sum)];
      }).flat(),
      [...get(at), ...wasm.constant(STEP), ...wasm.add, ...tee(at), ...get(end), ...wasm.lessUnsigned],
    ),
    ...sums.flatMap((sum, index) => (index === 0 ? get(sum) : [...get(sum), ...wasm.xor])),
    ...wasm.lane0,
  ];
  return { name: 'read', parameters: 2, results: 1, locals: { i32: 1, v128: 4 }, body } as const;
})();
