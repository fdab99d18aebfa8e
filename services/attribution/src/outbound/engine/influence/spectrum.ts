import { DomainError } from '@openledger/kernel';
import { Matrix as DenseMatrix, EigenvalueDecomposition } from 'ml-matrix';

export interface Spectrum {
  /** Descending. */
  readonly values: Float64Array;
  /** Eigenvectors, in the order of the values. */
  readonly vectors: readonly Float64Array[];
}

/** Below this share of the largest eigenvalue, products of float32 numbers are noise. */
const NOISE = 1e-6;

/**
 * Eigenvalues above rounding and their vectors, of a symmetric matrix that is positive but for rounding.
 *
 * @throws DomainError NOT_FINITE
 */
export function spectrumOf(size: number, at: (row: number, column: number) => number): Spectrum {
  const dense = DenseMatrix.zeros(size, size);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column <= row; column++) {
      const value = (at(row, column) + at(column, row)) / 2;
      if (!Number.isFinite(value)) {
        const message = 'Gradients of the records are not finite: the adapter or its log is damaged.';
        throw new DomainError('precondition', 'NOT_FINITE', message);
      }
      dense.set(row, column, value);
      dense.set(column, row, value);
    }
  }
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(dense, {
    assumeSymmetric: true,
  });
  const largest = Math.max(0, ...realEigenvalues);
  const kept = realEigenvalues
    .map((value, column) => ({ value, column }))
    .filter(({ value }) => value > NOISE * largest)
    .sort((a, b) => b.value - a.value);
  return {
    values: Float64Array.from(kept, ({ value }) => value),
    vectors: kept.map(({ column }) => {
      const vector = Float64Array.from(eigenvectorMatrix.getColumn(column));
      // An eigenvector's sign is the solver's whim.
      const first = vector.find((value) => Math.abs(value) > 1e-3) ?? 1;
      return first < 0 ? vector.map((value) => -value) : vector;
    }),
  };
}
