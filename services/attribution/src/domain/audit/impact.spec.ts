import { normal, seededRandom } from '@openledger/transformer';
import { lossChangePerToken } from './impact.js';

describe('lossChangePerToken', () => {
  it('weighs records by their tokens', () => {
    expect(lossChangePerToken([2, -1], [10, 30]).lossChange).toBeCloseTo(1 / 40, 12);
  });

  it('states its error: the truth is within two of them 19 times of 20', () => {
    const random = seededRandom(5);
    let held = 0;
    const samples = 500;
    for (let sample = 0; sample < samples; sample++) {
      const tokens = Array.from({ length: 40 }, () => 5 + Math.floor(random() * 40));
      const changes = tokens.map((count) => count * (0.1 + 0.2 * normal(random)));
      const { lossChange, standardError } = lossChangePerToken(changes, tokens);
      if (Math.abs(lossChange - 0.1) <= 2 * standardError) held++;
    }
    expect(held / samples).toBeGreaterThan(0.91);
    expect(held / samples).toBeLessThan(0.98);
  });

  it('says 0 where there is nothing', () => {
    expect(lossChangePerToken([], [])).toEqual({ lossChange: 0, standardError: 0 });
    expect(lossChangePerToken([1], [4])).toEqual({ lossChange: 0.25, standardError: 0 });
  });
});
