/** Bytes of WebAssembly (core specification 2.0, section 5, with threads' shared memories). */
export type Code = readonly number[];

export interface WasmFunction {
  readonly name: string;
  /** All parameters and the result are i32. */
  readonly parameters: number;
  readonly results: 0 | 1;
  /** Further locals, after the parameters. */
  readonly locals: { readonly i32: number; readonly v128: number };
  readonly body: Code;
}

const I32 = 0x7f;
const V128 = 0x7b;
const END = 0x0b;

function unsigned(value: number): Code {
  const low = value & 0x7f;
  return value < 0x80 ? [low] : [low | 0x80, ...unsigned(value >>> 7)];
}

function signed(value: number): Code {
  const low = value & 0x7f;
  return value >= -0x40 && value < 0x40 ? [low] : [low | 0x80, ...signed(value >> 7)];
}

const text = (value: string): Code => [value.length, ...Buffer.from(value)];
const counted = (items: readonly Code[]): Code => [...unsigned(items.length), ...items.flat()];
const sized = (code: Code): Code => [...unsigned(code.length), ...code];
const section = (id: number, items: readonly Code[]): Code => [id, ...sized(counted(items))];

const simd = (opcode: number, ...immediate: number[]): Code => [0xfd, ...unsigned(opcode), ...immediate];
/** Alignment is a hint; the offset is in bytes. */
const access = (opcode: number, offset: number): Code => simd(opcode, 0, ...unsigned(offset));

/** Instructions that the scan needs. */
export const wasm = {
  get: (local: number): Code => [0x20, ...unsigned(local)],
  set: (local: number): Code => [0x21, ...unsigned(local)],
  tee: (local: number): Code => [0x22, ...unsigned(local)],
  constant: (value: number): Code => [0x41, ...signed(value)],
  add: [0x6a],
  multiply: [0x6c],
  /** Runs the body, then again for as long as the condition (an i32 on the stack) holds. */
  doWhile: (body: Code, condition: Code): Code => [0x03, 0x40, ...body, ...condition, 0x0d, 0, END],
  lessUnsigned: [0x49],
  load: (offset: number): Code => access(0x00, offset),
  store: (offset: number): Code => access(0x0b, offset),
  zero: simd(0x0c, ...new Array<number>(16).fill(0)),
  /** Picks four 32-bit lanes out of the eight of two vectors. */
  pick: (...lanes: readonly number[]): Code =>
    simd(0x0d, ...lanes.flatMap((lane) => [4 * lane, 4 * lane + 1, 4 * lane + 2, 4 * lane + 3])),
  lane0: simd(0x1b, 0),
  xor: simd(0x51),
  extendLow: simd(0x87),
  extendHigh: simd(0x88),
  addLanes: simd(0xae),
  dot: simd(0xba),
} as const;

/** A module that imports the shared memory `env.memory` and exports the functions. */
export function wasmModule(functions: readonly WasmFunction[], pagesMax: number): Uint8Array {
  const types = functions.map(({ parameters, results }) => [
    0x60,
    ...counted(new Array<Code>(parameters).fill([I32])),
    ...counted(new Array<Code>(results).fill([I32])),
  ]);
  const bodies = functions.map(({ locals, body }) =>
    sized([
      ...counted([
        [...unsigned(locals.i32), I32],
        [...unsigned(locals.v128), V128],
      ]),
      ...body,
      END,
    ]),
  );
  const SHARED = 3;
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, types),
    ...section(2, [[...text('env'), ...text('memory'), 2, SHARED, 0, ...unsigned(pagesMax)]]),
    ...section(
      3,
      functions.map((_, index) => unsigned(index)),
    ),
    ...section(
      7,
      functions.map(({ name }, index) => [...text(name), 0, ...unsigned(index)]),
    ),
    ...section(10, bodies),
  ]);
}
