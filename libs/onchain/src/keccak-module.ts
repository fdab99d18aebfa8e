/** Bytes of WebAssembly (core specification 2.0, section 5). */
type Code = readonly number[];

const I32 = 0x7f;
const I64 = 0x7e;
const END = 0x0b;
const LANES = 25;
const ROUNDS = 24;
/** Lanes of a block of 64 bytes, and the one after them that padding begins in. */
const INPUT_LANES = 9;

/** Where the round constants lie in the memory; what callers use begins after them. */
export const KECCAK_RESERVED_BYTES = 8 * ROUNDS;

function unsigned(value: number): Code {
  const low = value & 0x7f;
  return value < 0x80 ? [low] : [low | 0x80, ...unsigned(value >>> 7)];
}

function signed(value: bigint): Code {
  const low = Number(value & 0x7fn);
  return value >= -0x40n && value < 0x40n ? [low] : [low | 0x80, ...signed(value >> 7n)];
}

const text = (value: string): Code => [value.length, ...Buffer.from(value)];
const counted = (items: readonly Code[]): Code => [...unsigned(items.length), ...items.flat()];
const sized = (code: Code): Code => [...unsigned(code.length), ...code];
const section = (id: number, items: readonly Code[]): Code => [id, ...sized(counted(items))];

const get = (local: number): Code => [0x20, ...unsigned(local)];
const set = (local: number): Code => [0x21, ...unsigned(local)];
const tee = (local: number): Code => [0x22, ...unsigned(local)];
const i32 = (value: number): Code => [0x41, ...signed(BigInt(value))];
const i64 = (value: bigint): Code => [0x42, ...signed(BigInt.asIntN(64, value))];
const load64 = (offset: number): Code => [0x29, 0, ...unsigned(offset)];
const store64 = (offset: number): Code => [0x37, 0, ...unsigned(offset)];
const load8 = (offset: number): Code => [0x2d, 0, ...unsigned(offset)];
const call = (index: number): Code => [0x10, ...unsigned(index)];
/** Runs the body, then again for as long as the condition that it leaves on the stack holds. */
const doWhile = (body: Code): Code => [0x03, 0x40, ...body, 0x0d, 0, END];
const when = (body: Code): Code => [0x04, 0x40, ...body, END];
const [ADD, SUBTRACT, SHIFT_LEFT, LESS_SIGNED, LESS_UNSIGNED, NOT_EQUAL, AT_LEAST_SIGNED] = [
  [0x6a],
  [0x6b],
  [0x74],
  [0x48],
  [0x49],
  [0x47],
  [0x4e],
] as const;
const [AND64, XOR64, ROTATE64] = [[0x83], [0x85], [0x89]] as const;
const rotate = (bits: number): Code => (bits === 0 ? [] : [...i64(BigInt(bits)), ...ROTATE64]);

/** Rotations of ρ and moves of π (FIPS 202, 3.2.2 and 3.2.3): lane (x, y) is number x + 5y. */
const ROTATIONS = rotations();

function rotations(): number[] {
  const offsets = new Array<number>(LANES).fill(0);
  let [x, y] = [1, 0];
  for (let t = 0; t < ROUNDS; t += 1) {
    offsets[x + 5 * y] = (((t + 1) * (t + 2)) / 2) % 64;
    [x, y] = [y, (2 * x + 3 * y) % 5];
  }
  return offsets;
}

/** RC of ι (FIPS 202, 3.2.5), from the shift register x^8 + x^6 + x^5 + x^4 + 1. */
export function roundConstants(): bigint[] {
  let register = 1;
  return Array.from({ length: ROUNDS }, () => {
    let constant = 0n;
    for (let j = 0; j < 7; j += 1) {
      if (register & 1) constant |= 1n << BigInt(2 ** j - 1);
      register = register & 0x80 ? ((register << 1) ^ 0x171) & 0xff : register << 1;
    }
    return constant;
  });
}

/** `keccak(lane0, …, lane8, out)`: one Keccak-256 block whose last lane is padded; the 32 bytes go to `out`. */
function keccakFunction(): Code {
  const out = INPUT_LANES;
  const round = INPUT_LANES + 1;
  let next = round + 1;
  const lanes = Array.from({ length: LANES }, (_, lane) => (lane < INPUT_LANES ? lane : next++));
  const moved = Array.from({ length: LANES }, () => next++);
  const [columns, effects] = [0, 1].map(() => Array.from({ length: 5 }, () => next++)) as [
    number[],
    number[],
  ];
  const at = (list: readonly number[], index: number): Code => get(list[index] ?? 0);
  const into = (list: readonly number[], index: number): Code => set(list[index] ?? 0);
  const five = [0, 1, 2, 3, 4];
  const theta = [
    ...five.flatMap((x) => [
      ...at(lanes, x),
      ...[5, 10, 15, 20].flatMap((row) => [...at(lanes, x + row), ...XOR64]),
      ...into(columns, x),
    ]),
    ...five.flatMap((x) => [
      ...[...at(columns, (x + 4) % 5), ...at(columns, (x + 1) % 5), ...rotate(1), ...XOR64],
      ...into(effects, x),
    ]),
  ];
  const rhoAndPi = lanes.flatMap((_, lane) => {
    const [x, y] = [lane % 5, Math.floor(lane / 5)];
    return [
      ...[...at(lanes, lane), ...at(effects, x), ...XOR64, ...rotate(ROTATIONS[lane] ?? 0)],
      ...into(moved, y + 5 * ((2 * x + 3 * y) % 5)),
    ];
  });
  const chi = lanes.flatMap((_, lane) => {
    const row = 5 * Math.floor(lane / 5);
    return [
      ...[...at(moved, row + ((lane + 1) % 5)), ...i64(-1n), ...XOR64, ...at(moved, row + ((lane + 2) % 5))],
      ...[...AND64, ...at(moved, lane), ...XOR64, ...into(lanes, lane)],
    ];
  });
  const iota = [...at(lanes, 0), ...get(round), ...load64(0), ...XOR64, ...into(lanes, 0)];
  const again = [...get(round), ...i32(8), ...ADD, ...tee(round), ...i32(8 * ROUNDS), ...LESS_SIGNED];
  // The rate is 136 bytes: the closing bit of the padding is the top one of lane 16.
  const body = [
    ...[...i64(1n << 63n), ...into(lanes, 16)],
    ...doWhile([...theta, ...rhoAndPi, ...chi, ...iota, ...again]),
    ...[0, 1, 2, 3].flatMap((lane) => [...get(out), ...at(lanes, lane), ...store64(8 * lane)]),
  ];
  return sized([
    ...counted([
      [...unsigned(1), I32],
      [...unsigned(next - round - 1), I64],
    ]),
    ...body,
    END,
  ]);
}

/** Four lanes of 32 bytes at the address in a local. */
const lanesAt = (local: number): Code =>
  [0, 8, 16, 24].flatMap((offset) => [...get(local), ...load64(offset)]);
const PADDED_64 = i64(1n);
const PADDED_32 = [...i64(1n), ...i64(0n), ...i64(0n), ...i64(0n), ...i64(0n)];

/** `leaves(from, end, out)`: blocks of 64 bytes, each hashed twice. */
function leavesFunction(): Code {
  const [from, end, out, second] = [0, 1, 2, 3];
  const body = doWhile([
    ...[...get(from), ...i32(32), ...ADD, ...set(second)],
    ...[...lanesAt(from), ...lanesAt(second), ...PADDED_64, ...get(out), ...call(0)],
    ...[...lanesAt(out), ...PADDED_32, ...get(out), ...call(0)],
    ...[...get(out), ...i32(32), ...ADD, ...set(out)],
    ...[...get(from), ...i32(64), ...ADD, ...tee(from), ...get(end), ...LESS_UNSIGNED],
  ]);
  return sized([...counted([[...unsigned(1), I32]]), ...body, END]);
}

/** `nodes(tree, last)`: fills a heap from its node number `last` down to its root, each the hash of its sorted children. */
function nodesFunction(): Code {
  const [tree, index, low, high, first, second, byte] = [0, 1, 2, 3, 4, 5, 6];
  const bytesAt = (local: number): Code => [...get(local), ...get(byte), ...ADD, ...load8(0)];
  // Bytes decide, not words: memory is little-endian and hashes are compared as big-endian numbers.
  const compare = [
    ...[...i32(0), ...set(byte)],
    ...[0x02, 0x40],
    ...doWhile([
      ...[...bytesAt(low), ...tee(first), ...bytesAt(high), ...tee(second), ...NOT_EQUAL, 0x0d, 1],
      ...[...get(byte), ...i32(1), ...ADD, ...tee(byte), ...i32(32), ...LESS_SIGNED],
    ]),
    END,
    ...[...get(second), ...get(first), ...LESS_UNSIGNED],
    ...when([...get(low), ...get(high), ...set(low), ...set(high)]),
  ];
  const body = doWhile([
    ...[...get(tree), ...get(index), ...i32(6), ...SHIFT_LEFT, ...ADD, ...i32(32), ...ADD, ...tee(low)],
    ...[...i32(32), ...ADD, ...set(high)],
    ...compare,
    ...[...lanesAt(low), ...lanesAt(high), ...PADDED_64],
    ...[...get(tree), ...get(index), ...i32(5), ...SHIFT_LEFT, ...ADD, ...call(0)],
    ...[...get(index), ...i32(1), ...SUBTRACT, ...tee(index), ...i32(0), ...AT_LEAST_SIGNED],
  ]);
  return sized([...counted([[...unsigned(5), I32]]), ...body, END]);
}

/** Imports the memory `env.memory`, with the round constants at its beginning; exports `leaves` and `nodes`. */
export function keccakModule(): Uint8Array<ArrayBuffer> {
  const type = (parameters: readonly number[]): Code => [0x60, ...counted(parameters.map((one) => [one])), 0];
  const types = [
    type([...new Array<number>(INPUT_LANES).fill(I64), I32]),
    type([I32, I32, I32]),
    type([I32, I32]),
  ];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, types),
    ...section(2, [[...text('env'), ...text('memory'), 2, 0, 0]]),
    ...section(3, [[0], [1], [2]]),
    ...section(7, [
      [...text('leaves'), 0, 1],
      [...text('nodes'), 0, 2],
    ]),
    ...section(10, [keccakFunction(), leavesFunction(), nodesFunction()]),
  ]);
}
