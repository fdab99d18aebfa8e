import { reliabilityPpb } from './audit.js';

describe('reliability of a local audit', () => {
  it('is the variance that the prediction explains', () => {
    expect(reliabilityPpb([1, 2, 3], [10, 20, 30])).toBe(700_000_000);
    expect(reliabilityPpb([1, 2, 3], [3, 2, 1])).toBe(0);
    expect(reliabilityPpb([1, 2, 3, 4], [1, 3, 2, 4])).toBe(640_000_000);
  });
});
