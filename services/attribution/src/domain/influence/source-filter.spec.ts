import fc from 'fast-check';
import { sourceFilter } from './source-filter.js';

const learning = fc.double({ min: 1e-9, max: 1e3, noNaN: true });
const eigenvalue = fc.double({ min: 0, max: 1e9, noNaN: true });

/** ∫₀¹ e^(−xu) du, which is (1 − e^(−x)) / x without the division; Simpson's rule. */
function integrated(x: number): number {
  const parts = 2000;
  let sum = 0;
  for (let i = 0; i <= parts; i++) {
    const weight = i === 0 || i === parts ? 1 : i % 2 === 0 ? 2 : 4;
    sum += weight * Math.exp((-x * i) / parts);
  }
  return sum / (3 * parts);
}

describe('sourceFilter', () => {
  it('is the part of a step that is left on average over the time that follows', () => {
    for (const x of [1e-12, 1e-9, 9e-7, 1e-6, 1.1e-6, 1e-5, 1e-3, 0.1, 1, 5, 30]) {
      expect(sourceFilter(x, 1)).toBeCloseTo(integrated(x), 10);
      expect(sourceFilter(x / 8, 8)).toBeCloseTo(integrated(x), 10);
    }
  });

  it('leaves all where the loss is flat, and 1/Lλ where it is steep', () => {
    expect(sourceFilter(0, 5)).toBe(1);
    expect(sourceFilter(5, 0)).toBe(1);
    expect(sourceFilter(1e6, 2)).toBeCloseTo(1 / 2e6, 12);
    expect(sourceFilter(Number.MAX_VALUE, 1)).toBeGreaterThanOrEqual(0);
  });

  it('keeps a share, and the less the steeper or the longer', () => {
    fc.assert(
      fc.property(eigenvalue, learning, fc.double({ min: 1, max: 10, noNaN: true }), (value, rate, more) => {
        const left = sourceFilter(value, rate);
        expect(left).toBeGreaterThan(0);
        expect(left).toBeLessThanOrEqual(1);
        expect(sourceFilter(value * more, rate)).toBeLessThanOrEqual(left * (1 + 1e-12));
        expect(sourceFilter(value, rate * more)).toBeLessThanOrEqual(left * (1 + 1e-12));
      }),
      { numRuns: 1000 },
    );
  });

  it('loses no bit near zero to cancellation', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-12, max: 1e-2, noNaN: true }), (x) => {
        const series = 1 - x / 2 + x ** 2 / 6 - x ** 3 / 24 + x ** 4 / 120 - x ** 5 / 720;
        expect(Math.abs(sourceFilter(x, 1) - series)).toBeLessThan(1e-12);
        // What the filter takes off is small there, and must be right itself.
        expect(Math.abs((1 - sourceFilter(x, 1)) / (x / 2) - 1)).toBeLessThan(x + 1e-15 / x);
      }),
      { numRuns: 1000 },
    );
  });
});
