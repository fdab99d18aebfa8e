import { seededRandom } from '@openledger/transformer';
import { pearson, ranks, spearman } from './correlation.js';

describe('pearson', () => {
  it('is the cosine of the centred values', () => {
    expect(pearson([1, 2, 3, 4], [2, 4, 6, 9])).toBeCloseTo(11.5 / Math.sqrt(5 * 26.75), 12);
    expect(pearson([1, 2, 3], [-2, -4, -6])).toBeCloseTo(-1, 12);
  });

  it('is 0 where one side does not vary', () => {
    expect(pearson([1, 2], [3, 3])).toBe(0);
    expect(pearson([], [])).toBe(0);
  });
});

describe('ranks', () => {
  it('counts from 1 and gives equal values the mean of their ranks', () => {
    expect([...ranks([30, 10, 20])]).toEqual([3, 1, 2]);
    expect([...ranks([5, 1, 5, 5, 9])]).toEqual([3, 1, 3, 3, 5]);
    expect([...ranks([2, 2, 2])]).toEqual([2, 2, 2]);
  });
});

describe('spearman', () => {
  it('sees order only', () => {
    const random = seededRandom(1);
    const values = Array.from({ length: 50 }, random);
    expect(spearman(values, values.map(Math.exp))).toBeCloseTo(1, 12);
    expect(
      spearman(
        values,
        values.map((value) => -(value ** 3)),
      ),
    ).toBeCloseTo(-1, 12);
  });

  it('agrees with a table worked by hand, with a tie', () => {
    // Ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4: centred products 4.5, squares 4.5 and 5.
    expect(spearman([1, 2, 2, 3], [10, 20, 30, 40])).toBeCloseTo(4.5 / Math.sqrt(4.5 * 5), 12);
  });
});
