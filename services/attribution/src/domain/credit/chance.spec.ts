import fc from 'fast-check';
import { chanceAbove, robustDeviation } from './chance.js';

const density = (x: number) => Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI);

/** ∫ from `t` of f(x − t) φ(x) dx by Simpson's rule, over all that a double tells from zero. */
function integrated(t: number, f: (excess: number) => number): number {
  const [from, to, parts] = [t, Math.max(t, 0) + 12, 4000];
  const step = (to - from) / parts;
  let sum = 0;
  for (let i = 0; i <= parts; i++) {
    const x = from + i * step;
    const weight = i === 0 || i === parts ? 1 : i % 2 === 0 ? 2 : 4;
    sum += weight * f(x - t) * density(x);
  }
  return (sum * step) / 3;
}

/** Normal numbers at equal probabilities. */
function normals(count: number): number[] {
  const step = 1e-4;
  const drawn: number[] = [];
  let below = 0;
  for (let x = -9; x < 9 && drawn.length < count; x += step) {
    below += density(x) * step;
    if (below > (drawn.length + 0.5) / count) drawn.push(x);
  }
  return drawn;
}

describe('chanceAbove', () => {
  it('is the mean and the variance of what a normal number has above a threshold', () => {
    for (let t = -5; t <= 6; t += 0.5) {
      const mean = integrated(t, (excess) => excess);
      const square = integrated(t, (excess) => excess * excess);
      const found = chanceAbove(t, 1);
      expect(Math.abs(found.mean - mean)).toBeLessThan(1e-6);
      expect(Math.abs(found.variance - (square - mean * mean))).toBeLessThan(1e-5);
    }
  });

  it('knows what every table says of half a normal', () => {
    const { mean, variance } = chanceAbove(0, 1);
    expect(mean).toBeCloseTo(1 / Math.sqrt(2 * Math.PI), 7);
    expect(variance).toBeCloseTo(0.5 - 1 / (2 * Math.PI), 6);
  });

  it('scales with the unit, is never negative, and falls with the threshold', () => {
    const thresholds = fc.double({ min: -50, max: 50, noNaN: true });
    const deviations = fc.double({ min: 1e-6, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(thresholds, deviations, (t, sd) => {
        const [one, scaled, higher] = [
          chanceAbove(t, 1),
          chanceAbove(t * sd, sd),
          chanceAbove((t + 0.1) * sd, sd),
        ];
        expect(Math.abs(scaled.mean - sd * one.mean)).toBeLessThanOrEqual(1e-9 * sd * (1 + Math.abs(t)));
        expect(scaled.mean).toBeGreaterThanOrEqual(0);
        expect(scaled.variance).toBeGreaterThanOrEqual(0);
        expect(higher.mean).toBeLessThanOrEqual(scaled.mean + 1e-6 * sd);
      }),
    );
  });

  it('brings nothing where nothing is by chance', () => {
    for (const threshold of [-1, 0, 1]) expect(chanceAbove(threshold, 0)).toEqual({ mean: 0, variance: 0 });
  });
});

describe('robustDeviation', () => {
  const drawn = normals(400);

  it('is the deviation of normal numbers, of any size, in any order', () => {
    expect(robustDeviation(drawn)).toBeCloseTo(1, 1);
    fc.assert(
      fc.property(fc.double({ min: 1e-6, max: 1e6, noNaN: true }), (size) => {
        const shown = drawn.map((value) => value * size);
        expect(robustDeviation(shown) / (size * robustDeviation(drawn))).toBeCloseTo(1, 12);
        expect(robustDeviation(shown.toReversed())).toBe(robustDeviation(shown));
      }),
    );
  });

  it('is not carried away by half of the numbers, however large', () => {
    const influential = drawn.map((value, i) => (i % 2 === 0 ? value : 1e9 * Math.sign(value)));
    // The lower quartile of all is then the median of what is chance: 0.6745 / 0.3186.
    expect(robustDeviation(influential)).toBeGreaterThan(1);
    expect(robustDeviation(influential)).toBeLessThan(2.2);
    const most = drawn.map((value, i) => (i % 10 < 3 ? value : 1e9));
    // The lower quartile of all is five sixths of what is chance: 1.38 / 0.3186.
    expect(robustDeviation(most)).toBeLessThan(4.5);
  });

  it('is zero of nothing and of zeros', () => {
    expect(robustDeviation([])).toBe(0);
    expect(robustDeviation([0, 0, 0, 5])).toBe(0);
  });
});
