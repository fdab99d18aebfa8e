import fc from 'fast-check';
import { ratesAround } from './run-trajectory.js';

describe('ratesAround', () => {
  it('gives every step to one checkpoint, so the parts sum to the whole', () => {
    const checkpoints = fc.uniqueArray(fc.integer({ min: 0, max: 200 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(checkpoints, fc.integer({ min: 1, max: 200 }), (steps, last) => {
        // Multiples of 1/64 sum without rounding.
        const rateOf = (step: number) => (step % 9) / 64;
        const parts = ratesAround(steps, last, rateOf);
        const whole = Array.from({ length: last }, (_, i) => rateOf(i + 1)).reduce(
          (sum, rate) => sum + rate,
          0,
        );
        expect(parts).toHaveLength(steps.length);
        expect(parts.reduce((sum, rate) => sum + rate, 0)).toBe(whole);
      }),
    );
  });

  it('gives a step to the checkpoint that it is nearest to, the earlier of two', () => {
    const parts = ratesAround([2, 6], 9, (step) => 10 ** step);
    expect(parts).toEqual([11_110, 1_111_100_000]);
    expect(ratesAround([5], 3, () => 1)).toEqual([3]);
  });
});
