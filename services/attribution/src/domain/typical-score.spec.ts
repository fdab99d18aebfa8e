import { typicalScore } from './typical-score.js';

describe('typicalScore', () => {
  it('is the median', () => {
    expect(typicalScore([9, 1, 2])).toBe(2);
    expect(typicalScore([4, 1, 100, 2])).toBe(3);
    expect(typicalScore([-7])).toBe(-7);
    expect(typicalScore([])).toBe(0);
  });
});
