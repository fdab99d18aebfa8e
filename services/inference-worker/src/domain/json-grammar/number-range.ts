import type { Op } from './op.js';
import type { OpBuilder } from './op-builder.js';

/** Fifteen digits: what a double keeps exactly. */
const DIGITS = 15;
/** Digits after the point of a number with bounds. */
const DECIMALS = 6;
const DIGIT = '0123456789';

export interface Bounds {
  readonly low: number | undefined;
  readonly lowExcluded: boolean;
  readonly high: number | undefined;
  readonly highExcluded: boolean;
}

/** Any number of JSON (RFC 8259, section 6), short enough to be finite and exact where it is whole. */
export function anyNumber(build: OpBuilder): Op {
  const { digit } = build;
  const fraction = build.sequence([build.text('.'), build.repeat(digit, 1, DIGITS)]);
  const exponent = build.sequence([
    build.oneOf('eE'),
    build.optional(build.oneOf('+-')),
    build.repeat(digit, 1, 2),
  ]);
  return build.sequence([anyInteger(build), build.optional(fraction), build.optional(exponent)]);
}

export function anyInteger(build: OpBuilder): Op {
  const rest = build.repeat(build.digit, 0, DIGITS - 1);
  const digits = build.choice([build.text('0'), build.sequence([build.oneOf(DIGIT.slice(1)), rest])]);
  return build.sequence([build.optional(build.text('-')), digits]);
}

/** Whole numbers within bounds, digit by digit. */
export function boundedInteger(build: OpBuilder, bounds: Bounds): Op {
  return build.choice(scaled(build, bounds, 0));
}

/** Numbers within bounds, with up to {@link DECIMALS} digits after the point and no exponent. */
export function boundedNumber(build: OpBuilder, bounds: Bounds): Op {
  const options: Op[] = [];
  for (let decimals = 0; decimals <= DECIMALS; decimals += 1)
    options.push(...scaled(build, bounds, decimals));
  return build.choice(options);
}

/** Numbers with exactly so many digits after the point, as whole numbers of the last digit's unit. */
function scaled(build: OpBuilder, bounds: Bounds, decimals: number): Op[] {
  const most = 10n ** BigInt(DIGITS) - 1n;
  const low =
    bounds.low === undefined ? -most : clamp(lowest(bounds.low, bounds.lowExcluded, decimals), most);
  const high =
    bounds.high === undefined ? most : clamp(highest(bounds.high, bounds.highExcluded, decimals), most);
  if (bounds.low !== undefined && lowest(bounds.low, bounds.lowExcluded, decimals) > most) return [];
  if (bounds.high !== undefined && highest(bounds.high, bounds.highExcluded, decimals) < -most) return [];
  const options: Op[] = [];
  if (high >= 0n) options.push(...unsigned(build, { low: low > 0n ? low : 0n, high }, decimals));
  if (low < 0n) {
    const mirrored = { low: high < 0n ? -high : 1n, high: -low };
    for (const digits of unsigned(build, mirrored, decimals)) {
      options.push(build.sequence([build.text('-'), digits]));
    }
  }
  return options;
}

const clamp = (value: bigint, most: bigint): bigint => (value > most ? most : value < -most ? -most : value);

/** The least multiple of 10^-decimals that is not below `bound`, in that unit. */
function lowest(bound: number, excluded: boolean, decimals: number): bigint {
  const { floor, exact } = toUnit(bound, decimals);
  return exact && !excluded ? floor : floor + 1n;
}

function highest(bound: number, excluded: boolean, decimals: number): bigint {
  const { floor, exact } = toUnit(bound, decimals);
  return exact && excluded ? floor - 1n : floor;
}

/** A double as its shortest decimal says it, which is what the schema's text said. */
function toUnit(bound: number, decimals: number): { readonly floor: bigint; readonly exact: boolean } {
  const [mantissa = '0', exponent = '0'] = bound.toString().split('e');
  const [whole = '0', fraction = ''] = mantissa.split('.');
  const power = Number(exponent) - fraction.length + decimals;
  const value = BigInt(whole + fraction);
  if (power >= 0) return { floor: value * 10n ** BigInt(power), exact: true };
  const divisor = 10n ** BigInt(-power);
  const rest = ((value % divisor) + divisor) % divisor;
  return { floor: (value - rest) / divisor, exact: rest === 0n };
}

function unsigned(
  build: OpBuilder,
  { low, high }: { readonly low: bigint; readonly high: bigint },
  decimals: number,
): Op[] {
  const options: Op[] = [];
  /** Lengths of which every number is within: one part for all of them. */
  const whole: number[] = [];
  const shortest = decimals + 1;
  for (let length = shortest; length <= Math.max(shortest, high.toString().length); length += 1) {
    const least = length === shortest ? 0n : 10n ** BigInt(length - 1);
    const greatest = 10n ** BigInt(length) - 1n;
    const from = low > least ? low : least;
    const to = high < greatest ? high : greatest;
    if (from > to) continue;
    if (length > shortest && from === least && to === greatest) whole.push(length - shortest);
    else {
      const text = (value: bigint) => pointed(value.toString().padStart(length, '0'), decimals);
      options.push(between(build, text(from), text(to)));
    }
  }
  const [fewest, most] = [whole[0], whole.at(-1)];
  if (fewest !== undefined && most !== undefined) {
    const fraction = decimals === 0 ? [] : [anyDigits(build, `.${'0'.repeat(decimals)}`)];
    const rest = build.repeat(build.digit, fewest, most);
    options.push(build.sequence([build.oneOf(DIGIT.slice(1)), rest, ...fraction]));
  }
  return options;
}

const pointed = (digits: string, decimals: number): string =>
  decimals === 0 ? digits : `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;

/** Texts of equal length from `low` to `high`, digit by digit; their points are in the same place. */
function between(build: OpBuilder, low: string, high: string): Op {
  if (low === high) return low === '' ? build.empty : build.text(low);
  if (low[0] === high[0]) {
    return build.sequence([build.text(low.slice(0, 1)), between(build, low.slice(1), high.slice(1))]);
  }
  const zeros = low.slice(1).replace(/\d/g, '0');
  const nines = low.slice(1).replace(/\d/g, '9');
  const options: Op[] = [];
  let first = Number(low[0]);
  let last = Number(high[0]);
  if (low.slice(1) !== zeros) {
    options.push(build.sequence([build.text(first.toString()), between(build, low.slice(1), nines)]));
    first += 1;
  }
  if (high.slice(1) !== nines) {
    options.push(build.sequence([build.text(last.toString()), between(build, zeros, high.slice(1))]));
    last -= 1;
  }
  if (first <= last) {
    options.push(build.sequence([build.oneOf(DIGIT.slice(first, last + 1)), anyDigits(build, zeros)]));
  }
  return options.length === 1 && options[0] ? options[0] : build.choice(options);
}

function anyDigits(build: OpBuilder, pattern: string): Op {
  const [whole = '', fraction] = pattern.split('.');
  const digits = (count: number) => (count === 0 ? build.empty : build.repeat(build.digit, count, count));
  if (fraction === undefined) return digits(whole.length);
  return build.sequence([digits(whole.length), build.text('.'), digits(fraction.length)]);
}
