import fc from 'fast-check';
import {
  exactProduct,
  isSafeQuery,
  natsOf,
  type QuantisedQuery,
  type QuantisedRow,
  quantiseQuery,
  quantiseRow,
} from './quantise.js';

const code = (value: string) => expect.objectContaining({ code: value });
/** Lengths that the scan takes, with numbers of all sizes, spikes and zeros. */
const vector = fc
  .tuple(fc.integer({ min: 1, max: 64 }), fc.integer({ min: -30, max: 30 }))
  .chain(([steps, exponent]) =>
    fc
      .array(
        fc.oneof(
          { weight: 8, arbitrary: fc.double({ min: -1, max: 1, noNaN: true }) },
          fc.constantFrom(0, 1, -1, 1e-9),
        ),
        { minLength: 16 * steps, maxLength: 16 * steps },
      )
      .map((numbers) => numbers.map((number) => number * 10 ** exponent)),
  );

const greatestError = (numbers: readonly number[], { values, scale }: QuantisedRow | QuantisedQuery) =>
  Math.max(...numbers.map((number, i) => Math.abs((values[i] ?? Number.NaN) * scale - number)));

describe('quantiseRow', () => {
  it('is off by at most half a step, keeps signs, and uses the whole range', () => {
    fc.assert(
      fc.property(vector, (numbers) => {
        const { values, scale } = quantiseRow(numbers);
        expect(Math.fround(scale)).toBe(scale);
        const greatest = Math.max(...numbers.map(Math.abs));
        if (scale === 0) return expect(greatest).toBeLessThan(127 * 2 ** -126);
        expect(Math.max(...values.map(Math.abs))).toBe(127);
        expect(greatestError(numbers, { values, scale })).toBeLessThanOrEqual(scale * (0.5 + 1e-4));
      }),
    );
  });

  it('rounds halves away from zero', () => {
    const numbers = [127, 0.5, -0.5, 1.5, -1.5, 2.5, -2.5, 0.49, -0.49, ...new Array<number>(7).fill(0)];
    expect([...quantiseRow(numbers).values].slice(0, 9)).toEqual([127, 1, -1, 2, -2, 3, -3, 0, 0]);
  });

  it('keeps zero and what no float32 can scale as zero', () => {
    for (const number of [0, -0, 1e-44]) {
      expect(quantiseRow(new Array<number>(16).fill(number))).toEqual({
        values: new Int8Array(16),
        scale: 0,
      });
    }
  });

  it('refuses lengths that the scan does not take, and what is not finite', () => {
    for (const length of [0, 15, 17, 1_040]) {
      expect(() => quantiseRow(new Float32Array(length))).toThrow(code('VECTOR_LENGTH'));
    }
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, 1e200, 1e60]) {
      expect(() => quantiseRow([bad, ...new Array<number>(15).fill(1)])).toThrow(code('VECTOR_NOT_FINITE'));
      expect(() => quantiseQuery([1, bad, ...new Array<number>(14).fill(1)])).toThrow(
        code('VECTOR_NOT_FINITE'),
      );
    }
  });
});

describe('quantiseQuery', () => {
  it('is off by at most half a step, and never too long for exact sums', () => {
    fc.assert(
      fc.property(vector, (numbers) => {
        const query = quantiseQuery(numbers);
        expect(isSafeQuery(query)).toBe(true);
        if (query.scale === 0) return;
        expect(greatestError(numbers, query)).toBeLessThanOrEqual(query.scale * (0.5 + 1e-9));
      }),
    );
  });

  it('bounds every partial product of two queries below 2³¹, in any order', () => {
    const worst = (length: number) => quantiseQuery(new Float32Array(length).fill(1)).values;
    const spike = quantiseQuery(Float32Array.from({ length: 1_024 }, (_, i) => (i === 5 ? 1 : 0))).values;
    for (const length of [16, 256, 1_024]) {
      const size = exactProduct(worst(length), worst(length));
      expect(size).toBeLessThan(2 ** 31);
      expect(size).toBeGreaterThan(2 ** 29);
    }
    expect(exactProduct(spike, spike)).toBe(32_767 ** 2);
  });

  it('gives scores within a few ten-thousandths of those of the numbers', () => {
    const wave = (phase: number) =>
      Float64Array.from({ length: 256 }, (_, i) => Math.sin(i * i * 0.37 + phase));
    const norm2 = wave(0).reduce((sum, value) => sum + value * value, 0);
    for (const phase of [0.3, 1.5, 3]) {
      const [row, query] = [quantiseRow(wave(0)), quantiseQuery(wave(phase))];
      const nats = natsOf(exactProduct(row.values, query.values), row.scale, query.scale);
      const truth = wave(0).reduce((sum, value, i) => sum + value * (wave(phase)[i] ?? 0), 0);
      expect(Math.abs(nats - truth) / norm2).toBeLessThan(5e-4);
    }
  });
});

describe('isSafeQuery', () => {
  it('refuses what came from elsewhere and is too long, or has no scale', () => {
    const short = new Int16Array(256).fill(100);
    expect(isSafeQuery({ values: short, scale: 1 })).toBe(true);
    expect(isSafeQuery({ values: new Int16Array(256).fill(20_000), scale: 1 })).toBe(false);
    for (const scale of [Number.NaN, -1, Number.POSITIVE_INFINITY, 0.1]) {
      expect(isSafeQuery({ values: short, scale })).toBe(false);
    }
  });
});
