import { normal, seededRandom } from '@openledger/transformer';
import { pearson } from './correlation.js';
import { correlationInterval, meanEstimate } from './interval.js';

/** Share of 150 samples whose interval holds the truth. */
function coverage(holds: (random: () => number) => boolean): number {
  const random = seededRandom(20_261_121);
  const samples = 150;
  let held = 0;
  for (let i = 0; i < samples; i++) if (holds(random)) held++;
  return held / samples;
}

describe('meanEstimate', () => {
  it.each([12, 40])('holds the mean of skewed numbers 19 times of 20, from %i of them', (count) => {
    const truth = Math.exp(0.5 ** 2 / 2);
    const share = coverage((random) => {
      const values = Array.from({ length: count }, () => Math.exp(0.5 * normal(random)));
      const { low, high } = meanEstimate(values, random);
      return low <= truth && truth <= high;
    });
    // Three standard errors of such a share are 0.053.
    expect(share).toBeGreaterThan(0.87);
    expect(share).toBeLessThanOrEqual(1);
  });

  it('is the same again from the same seed', () => {
    const values = [0.9, 0.7, 0.95, 0.8, 0.99];
    const one = meanEstimate(values, seededRandom(4));
    expect(meanEstimate(values, seededRandom(4))).toEqual(one);
    expect(one.value).toBeCloseTo(0.868, 12);
    expect(one.low).toBeLessThan(one.value);
    expect(one.high).toBeGreaterThan(one.value);
  });

  it('has no width where nothing varies', () => {
    expect(meanEstimate([0.5, 0.5, 0.5], seededRandom(1))).toEqual({ value: 0.5, low: 0.5, high: 0.5 });
  });
});

describe('correlationInterval', () => {
  it('holds the correlation 19 times of 20', () => {
    const truth = 0.6;
    const share = coverage((random) => {
      const one = Array.from({ length: 30 }, () => normal(random));
      const two = one.map((value) => truth * value + Math.sqrt(1 - truth ** 2) * normal(random));
      const { low, high } = correlationInterval(pearson(one, two), 30);
      return low <= truth && truth <= high;
    });
    expect(share).toBeGreaterThan(0.89);
    expect(share).toBeLessThanOrEqual(1);
  });

  it('knows nothing from three pairs, and stays finite at 1', () => {
    expect(correlationInterval(0.9, 3)).toEqual({ low: -1, high: 1 });
    expect(correlationInterval(1, 10).low).toBeGreaterThan(0.999);
    expect(correlationInterval(1, 10).high).toBeLessThanOrEqual(1);
  });
});
