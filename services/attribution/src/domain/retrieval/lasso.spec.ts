import fc from 'fast-check';
import { lasso } from './lasso.js';

const observations = fc.integer({ min: 1, max: 6 }).chain((columns) =>
  fc.array(
    fc.record({
      row: fc.array(fc.integer({ min: 0, max: 1 }), { minLength: columns, maxLength: columns }),
      outcome: fc.double({ min: -10, max: 10, noNaN: true }),
    }),
    { minLength: 2, maxLength: 32 },
  ),
);

/** Proximal gradient descent (ISTA) on the same objective, written independently: slow, and with no tricks. */
function reference(rows: readonly (readonly number[])[], outcomes: readonly number[], alpha: number) {
  const n = rows.length;
  const width = rows[0]?.length ?? 0;
  const means = Array.from({ length: width }, (_, j) => rows.reduce((s, row) => s + (row[j] ?? 0), 0) / n);
  const scales = means.map((mean, j) =>
    Math.sqrt(rows.reduce((s, row) => s + ((row[j] ?? 0) - mean) ** 2, 0) / n),
  );
  const z = rows.map((row) =>
    row.map((value, j) => (scales[j] ? (value - (means[j] ?? 0)) / (scales[j] ?? 1) : 0)),
  );
  const mean = outcomes.reduce((a, b) => a + b, 0) / n;
  const b = new Array<number>(width).fill(0);
  const rate = 1 / width;
  for (let step = 0; step < 4_000; step += 1) {
    const errors = z.map((row, i) => row.reduce((s, v, j) => s + v * (b[j] ?? 0), mean) - (outcomes[i] ?? 0));
    for (let j = 0; j < width; j += 1) {
      const slope = z.reduce((s, row, i) => s + (row[j] ?? 0) * (errors[i] ?? 0), 0) / n;
      const moved = (b[j] ?? 0) - rate * slope;
      b[j] = Math.sign(moved) * Math.max(0, Math.abs(moved) - rate * alpha);
    }
  }
  return { b, z, scales, mean };
}

describe('lasso', () => {
  it('finds as small an objective as plain proximal descent does', () => {
    fc.assert(
      fc.property(observations, fc.constantFrom(0.01, 0.3), (given, alpha) => {
        const rows = given.map(({ row }) => row);
        const outcomes = given.map(({ outcome }) => outcome);
        const { b, z, scales, mean } = reference(rows, outcomes, alpha);
        const objective = (slopes: readonly number[]) => {
          const squares = z.map(
            (row, i) => (row.reduce((s, v, j) => s + v * (slopes[j] ?? 0), mean) - (outcomes[i] ?? 0)) ** 2,
          );
          const penalty = slopes.reduce((s, slope) => s + Math.abs(slope), 0);
          return squares.reduce((x, y) => x + y, 0) / (2 * rows.length) + alpha * penalty;
        };
        const ours = lasso(rows, outcomes, alpha).map((slope, j) => slope * (scales[j] ?? 0));
        expect(objective(ours)).toBeLessThanOrEqual(objective(b) + 1e-6);
      }),
      { numRuns: 40 },
    );
  });

  it('shrinks a lone column by alpha and leaves out what explains nothing', () => {
    const rows = [0, 1, 0, 1].map((on) => [on, 1]);
    const [slope, constant] = lasso(rows, [1, 3, 1, 3], 0.25);
    // The column's standard deviation is 1/2: a slope of 1 by standard deviation, less alpha, over 1/2.
    expect(slope).toBeCloseTo((1 - 0.25) / 0.5, 12);
    expect(constant).toBe(0);
    expect(lasso(rows, [1, 3, 1, 3], 1.1)).toEqual([0, 0]);
  });

  it('needs an outcome for each observation', () => {
    expect(() => lasso([], [], 0.01)).toThrow();
    expect(() => lasso([[1]], [], 0.01)).toThrow();
  });
});
