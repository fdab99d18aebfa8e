import fc from 'fast-check';
import { Automaton } from './automaton.js';
import { type Bounds, boundedInteger, boundedNumber } from './number-range.js';
import { type Op, satisfiable } from './op.js';
import { OpBuilder } from './op-builder.js';

function reader(make: (build: OpBuilder) => Op): (text: string) => boolean {
  const build = new OpBuilder();
  const root = make(build);
  const automaton = new Automaton(root, satisfiable(build.ops), { states: 2_048, frames: 4_096 });
  return (text) => {
    let state = automaton.start;
    for (const byte of Buffer.from(text)) {
      const next = automaton.step(state, byte);
      if (!next) return false;
      state = next;
    }
    return state.complete;
  };
}

const bounds = (low: number | undefined, high: number | undefined, excluded = false): Bounds => ({
  low,
  high,
  lowExcluded: excluded,
  highExcluded: excluded,
});

const within = (value: number, { low, high, lowExcluded, highExcluded }: Bounds): boolean =>
  (low === undefined || (lowExcluded ? value > low : value >= low)) &&
  (high === undefined || (highExcluded ? value < high : value <= high));

describe('a number with bounds', () => {
  const limit = fc.integer({ min: -12_000, max: 12_000 });
  const anyBounds = fc.record({
    low: fc.option(limit, { nil: undefined }),
    high: fc.option(limit, { nil: undefined }),
    lowExcluded: fc.boolean(),
    highExcluded: fc.boolean(),
  });

  it('is any whole number within, and none without', () => {
    fc.assert(
      fc.property(anyBounds, fc.array(fc.integer({ min: -13_000, max: 13_000 })), (range, values) => {
        const reads = reader((build) => boundedInteger(build, range));
        const near = [range.low ?? 0, range.high ?? 0].flatMap((edge) => [edge - 1, edge, edge + 1]);
        for (const value of [...values, ...near]) {
          expect([value, reads(value.toString())]).toEqual([value, within(value, range)]);
        }
      }),
      { seed: 31 },
    );
  });

  it('is any number of up to six decimals within, and none without', () => {
    const scaled = anyBounds.map((range) => ({
      ...range,
      low: range.low === undefined ? undefined : range.low / 1_000,
      high: range.high === undefined ? undefined : range.high / 1_000,
    }));
    const values = fc.array(fc.tuple(fc.integer({ min: -15_000_000, max: 15_000_000 }), fc.nat(6)));
    fc.assert(
      fc.property(scaled, values, (range, chosen) => {
        const reads = reader((build) => boundedNumber(build, range));
        const near = [range.low ?? 0, range.high ?? 0].flatMap((edge) => [edge - 0.001, edge, edge + 0.001]);
        const texts = [
          ...chosen.map(([value, decimals]) => (value / 1e6).toFixed(decimals)),
          ...near.map((value) => value.toFixed(3)),
        ];
        for (const text of texts) {
          if (/^-0\.?0*$/.test(text)) continue;
          expect([text, reads(text)]).toEqual([text, within(Number(text), range)]);
        }
      }),
      { seed: 37, numRuns: 60 },
    );
  });

  it('has no leading zeros, no missing digits and no exponent', () => {
    const reads = reader((build) => boundedNumber(build, bounds(0, 20)));
    for (const text of ['01', '1.', '.5', '+1', '1e1', '', '-', '-0', '1.1234567']) {
      expect([text, reads(text)]).toEqual([text, false]);
    }
    for (const text of ['0', '0.0', '20', '20.000', '19.999999'])
      expect([text, reads(text)]).toEqual([text, true]);
  });

  it('knows bounds of any size', () => {
    const reads = reader((build) => boundedInteger(build, bounds(1e-7, 1e300)));
    expect([reads('0'), reads('1'), reads('999999999999999'), reads('1000000000000000')]).toEqual([
      false,
      true,
      true,
      false,
    ]);
    expect(reader((build) => boundedInteger(build, bounds(-0.5, 0.5)))('0')).toBe(true);
    expect(reader((build) => boundedInteger(build, bounds(1e16, undefined)))('9')).toBe(false);
  });
});
