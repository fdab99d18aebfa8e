import { noiseOf, standingOf } from './standing.js';

describe('noiseOf', () => {
  it('is the deviation of what most rows say by their lengths', () => {
    const lengths = Float64Array.from({ length: 400 }, (_, row) => 1 + (row % 3));
    const scores = lengths.map((length, row) => length * 0.1 * normalQuantile(row, 400));
    expect(noiseOf({ scores, lengths }, [])).toBeCloseTo(0.1, 2);
  });

  it('believes decoys that say more, and not a few of them', () => {
    const rows = { scores: [0.1, -0.1, 0.1, -0.1], lengths: [1, 1, 1, 1] };
    const alone = noiseOf(rows, []);
    expect(noiseOf(rows, new Float64Array(7).fill(1))).toBe(alone);
    expect(noiseOf(rows, new Float64Array(8).fill(1))).toBeCloseTo(10 * alone, 9);
    expect(noiseOf(rows, new Float64Array(8).fill(0.01))).toBe(alone);
  });

  it('counts rows without a length as saying nothing', () => {
    expect(noiseOf({ scores: [5, 5, 5, 5], lengths: [0, 0, 0, 0] }, [])).toBe(0);
  });
});

describe('standingOf', () => {
  const rule = { noise: 1, kappa: 1 };
  const influences = { scores: [3, 2, 9, -1], lengths: [1, 2, 2, 1] };

  it('pays by all rows of a cluster that stands above chance', () => {
    const { cluster, paid } = standingOf({ cluster: 5, score: 5, rows: [0, 1] }, influences, rule);
    expect(cluster).toEqual({ cluster: 5, score: 5, deviation: Math.sqrt(5) });
    expect(paid).toEqual([
      { row: 0, score: 3, deviation: 1 },
      { row: 1, score: 2, deviation: 2 },
    ]);
  });

  it('pays by what stands out alone where the rest is chance', () => {
    const of = (noise: number) =>
      standingOf({ cluster: 0, score: 8, rows: [2, 3] }, influences, { noise, kappa: 1 });
    expect(of(1).cluster.score).toBe(8);
    expect(of(1).paid).toEqual([{ row: 2, score: 9, deviation: 2 }]);
    expect(of(10).paid).toEqual([]);
  });
});

/** Of `count` numbers that are spread as a standard normal's, the one at this place. */
function normalQuantile(at: number, count: number): number {
  const share = ((at * 7_919) % count) / count + 0.5 / count;
  let [low, high] = [-8, 8];
  while (high - low > 1e-5) {
    const middle = (low + high) / 2;
    if (below(middle) < share) low = middle;
    else high = middle;
  }
  return low;
}

/** P(X < x) of a standard normal X, by Simpson's rule. */
function below(x: number): number {
  const steps = 100;
  const width = (x + 8) / steps;
  let sum = 0;
  for (let i = 0; i <= steps; i++) {
    const weight = i === 0 || i === steps ? 1 : i % 2 === 1 ? 4 : 2;
    sum += weight * Math.exp(-0.5 * (-8 + i * width) ** 2);
  }
  return (sum * width) / 3 / Math.sqrt(2 * Math.PI);
}
