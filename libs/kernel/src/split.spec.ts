import fc from 'fast-check';
import { InvariantError } from './errors.js';
import { PPB, splitExactly, toPpb } from './split.js';

const amount = fc.bigInt({ min: 0n, max: 2n ** 128n });
const weights = fc
  .array(fc.bigInt({ min: 0n, max: 2n ** 64n }), { minLength: 1, maxLength: 50 })
  .filter((list) => list.some((weight) => weight > 0n));

describe('splitExactly', () => {
  it('gives parts that sum to the total', () => {
    fc.assert(
      fc.property(amount, weights, (total, list) => {
        expect(splitExactly(total, list).reduce((a, b) => a + b, 0n)).toBe(total);
      }),
    );
  });

  it('is never further than one unit from the true proportion', () => {
    fc.assert(
      fc.property(amount, weights, (total, list) => {
        const sum = list.reduce((a, b) => a + b, 0n);
        splitExactly(total, list).forEach((part, i) => {
          const floor = (total * (list[i] ?? 0n)) / sum;
          expect(part === floor || part === floor + 1n).toBe(true);
        });
      }),
    );
  });

  it('gives nothing to a zero weight', () => {
    expect(splitExactly(10n, [0n, 1n, 0n])).toEqual([0n, 10n, 0n]);
  });

  it('serves equal remainders in the order given', () => {
    expect(splitExactly(2n, [1n, 1n, 1n])).toEqual([1n, 1n, 0n]);
  });

  it('refuses a negative total, a negative weight and weights that are all zero', () => {
    expect(() => splitExactly(-1n, [1n])).toThrow(InvariantError);
    expect(() => splitExactly(1n, [-1n, 2n])).toThrow(InvariantError);
    expect(() => splitExactly(1n, [0n, 0n])).toThrow(InvariantError);
  });
});

describe('toPpb', () => {
  it('gives shares that sum to one billion', () => {
    const scores = fc.array(fc.double({ min: 0, max: 1e12, noNaN: true }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(scores, (list) => {
        fc.pre(list.some((score) => score > 0));
        expect(toPpb(list).reduce((a, b) => a + b, 0n)).toBe(PPB);
      }),
    );
  });

  it('treats negative scores as nothing', () => {
    expect(toPpb([-5, 1])).toEqual([0n, PPB]);
  });
});
