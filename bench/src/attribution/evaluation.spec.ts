import type { Bed } from './bed.js';
import { auc, byContributor, estimate, greatest } from './evaluation.js';

describe('figures of attribution', () => {
  it('counts how often a marked value stands above another', () => {
    expect(auc([3, 2, 1, 0], [true, true, false, false])).toBe(1);
    expect(auc([3, 2, 1, 0], [false, false, true, true])).toBe(0);
    // Of the four pairs (4 > 3, 4 > 1, 2 < 3, 2 > 1) three are right.
    expect(auc([4, 3, 2, 1], [true, false, true, false])).toBe(0.75);
  });

  it('counts ties as half, so that a constant finds nothing', () => {
    expect(auc([1, 1, 1, 1, 1], [true, false, true, false, false])).toBe(0.5);
    expect(auc([2, 1, 1, 0], [true, true, false, false])).toBe(0.875);
  });

  it('knows no area without values of both kinds', () => {
    expect(auc([1, 2], [true, true])).toBeNaN();
  });

  it('names the greatest values, the greatest first', () => {
    expect(greatest([0.5, -2, 7, 3], 2)).toEqual([2, 3]);
  });

  it('sums influences by owner, those that harm too', () => {
    const bed = { owners: [0, 2, 0, 2], contributors: ['a', 'b', 'c'] } as unknown as Bed;
    expect([...byContributor(bed, [1, 2, -3, 0.5])]).toEqual([-2, 0, 2.5]);
  });

  it('gives the same interval for the same numbers, around their mean', () => {
    const values = [0.9, 0.7, 0.8, 0.95, 0.6];
    const first = estimate(values);
    expect(first).toEqual(estimate(values));
    expect(first.value).toBeCloseTo(0.79, 12);
    expect(first.low).toBeLessThan(first.value);
    expect(first.high).toBeGreaterThan(first.value);
  });
});
