import { positiveShares, totalVariation } from './payout.js';

describe('positiveShares', () => {
  it('shares out by positive values only', () => {
    expect([...positiveShares([3, -5, 1])]).toEqual([0.75, 0, 0.25]);
  });

  it('gives nobody anything where none is positive', () => {
    expect([...positiveShares([-1, 0])]).toEqual([0, 0]);
  });
});

describe('totalVariation', () => {
  it('is the part of the pool that changes hands', () => {
    expect(totalVariation([0.5, 0.5, 0], [0.5, 0.2, 0.3])).toBeCloseTo(0.3, 12);
    expect(totalVariation([1, 0], [0, 1])).toBe(1);
    expect(totalVariation([0.3, 0.7], [0.3, 0.7])).toBe(0);
  });

  it('counts what one payout keeps back', () => {
    expect(totalVariation([0, 0], [0.5, 0.5])).toBe(1);
    expect(totalVariation([0.4, 0.4], [0.5, 0.5])).toBeCloseTo(0.2, 12);
  });
});
