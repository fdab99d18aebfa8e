import { normal, seededRandom } from '@openledger/transformer';
import { spectrumOf } from './spectrum.js';

const SIZE = 12;

/** Of `rank` random rows: their Gram matrix. */
function gram(rank: number, seed: number): number[][] {
  const random = seededRandom(seed);
  const rows = Array.from({ length: SIZE }, () => Array.from({ length: rank }, () => normal(random)));
  return rows.map((one) =>
    rows.map((other) => one.reduce((sum, value, i) => sum + value * (other[i] ?? 0), 0)),
  );
}

describe('spectrumOf', () => {
  it.each([1, 4, SIZE])(
    'takes a matrix of rank %i apart, the largest first, and leaves out rounding',
    (rank) => {
      const matrix = gram(rank, 3);
      const { values, vectors } = spectrumOf(SIZE, (i, j) => matrix[i]?.[j] ?? 0);
      expect(values).toHaveLength(rank);
      expect([...values]).toEqual([...values].toSorted((a, b) => b - a));
      for (const [i, row] of matrix.entries()) {
        for (const [j, entry] of row.entries()) {
          const again = vectors.reduce(
            (sum, vector, r) => sum + (values[r] ?? 0) * (vector[i] ?? 0) * (vector[j] ?? 0),
            0,
          );
          expect(again).toBeCloseTo(entry, 9);
        }
      }
    },
  );

  it('decides the signs, so that the same matrix gives the same vectors', () => {
    const matrix = gram(SIZE, 4);
    const { vectors } = spectrumOf(SIZE, (i, j) => matrix[i]?.[j] ?? 0);
    for (const vector of vectors) expect(vector.find((value) => Math.abs(value) > 1e-3)).toBeGreaterThan(0);
  });

  it('refuses what is not finite', () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const matrix = (i: number, j: number) => (i === 2 && j === 1 ? value : 1);
      expect(() => spectrumOf(3, matrix)).toThrow(expect.objectContaining({ code: 'NOT_FINITE' }));
    }
  });

  it('has nothing of a matrix of zeros', () => {
    expect(spectrumOf(3, () => 0)).toEqual({ values: new Float64Array(), vectors: [] });
    expect(spectrumOf(1, () => 4)).toEqual({ values: Float64Array.of(4), vectors: [Float64Array.of(1)] });
  });
});
