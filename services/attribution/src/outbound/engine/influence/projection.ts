import { normal, seededRandom } from '@openledger/transformer';
import { dot } from '../../../domain/influence/arithmetic.js';
import { blockRotations, ROTATION_BLOCK } from '../../../domain/influence/rotation.js';
import type { Matrix, Products } from './products.js';
import { spectrumOf } from './spectrum.js';

/** What decides how far training forgets, and what a product is worth in nats. */
export interface Learning {
  /** Σ of the learning rates. */
  readonly rateSum: number;
  /** Scored tokens of all examples. */
  readonly scoredTokens: number;
  readonly examples: number;
}

export interface Projection {
  /** [k × width]; a row times a basis vector is a dimension of the index. */
  readonly basis: Matrix;
  /** Share of the sample's energy, Σ |z|², that k dimensions keep. */
  readonly captured: number;
}

/**
 * Share of Fisher's matrix that counts as the loss's curvature. Draws estimate its largest eigenvalues too high, and
 * the metric was smaller early on than at the end; measured by retraining, 1 is too much for a short training and
 * a quarter is as good for both (ADR 0035).
 */
const CURVATURE = 0.25;

/**
 * The map from gradient rows to vectors whose products are influences in nats:
 * z_i · z_q = L/T · a_qᵀ (I + L H)⁻¹ a_i, with L the learning-rate sum, T the scored tokens and H the true Fisher matrix
 * in Adam's metric (labels drawn from the model: the empirical one is far worse, Kunstner et al. 2019, and here by
 * measurement), in the k directions that records differ in most, rotated so that eight bits suffice.
 *
 * 1 / (1 + Lλ) stands for SOURCE's (1 − e^(−Lλ)) / Lλ (Bae et al. 2024, arXiv:2405.12186): both are 1 where the loss is
 * flat and 1/Lλ where training has found its way back, and there is no damping to choose. It takes a Cholesky factor
 * in place of an eigendecomposition, and ranks retrains as well (ADR 0035).
 *
 * Everything is solved in the span of the rows given (Woodbury), so memory is rows × width.
 */
export async function fitProjection(
  products: Products,
  given: { readonly fisher: Matrix; readonly sample: Matrix; readonly learning: Learning },
  options: { readonly k: number; readonly seed: number },
): Promise<Projection> {
  const { fisher, sample, learning } = given;
  const own = await products.inner(fisher, fisher);
  const cross = await products.inner(fisher, sample);
  const among = await products.inner(sample, sample);
  const m = fisher.rows;
  const tokensEach = learning.scoredTokens / learning.examples;
  const ridge = (m * tokensEach) / (CURVATURE * learning.rateSum);
  const factor = cholesky(m, (i, j) => entry(own, i, j) + (i === j ? ridge : 0));
  // What the curvature takes off the sample: columns of C⁻¹ G Aᵀ, for G Gᵀ + ridge = C Cᵀ.
  const taken = Array.from({ length: sample.rows }, (_, column) =>
    forwardSolved(factor, m, (i) => entry(cross, i, column)),
  );
  const nats = learning.rateSum / learning.scoredTokens;
  const folded = spectrumOf(
    sample.rows,
    (i, j) => nats * (entry(among, i, j) - dot(taken[i] ?? none, taken[j] ?? none)),
  );

  // Principal directions as weights of the sample's rows and of the Fisher rows.
  const k = Math.min(options.k, folded.values.length);
  const directions = Array.from({ length: k }, (_, d) => {
    const norm = nats / Math.sqrt(folded.values[d] ?? 1);
    const onSample = (folded.vectors[d] ?? new Float64Array(0)).map((x) => x * norm);
    const mixed = new Float64Array(m);
    for (const [column, weight] of onSample.entries()) {
      const own = taken[column] ?? none;
      for (let i = 0; i < m; i++) mixed[i] = (mixed[i] ?? 0) - weight * (own[i] ?? 0);
    }
    return { onSample, onFisher: backSolved(factor, m, mixed) };
  });
  const rotate = rotation(options.k, options.seed);
  const ofSample = await products.mixed(
    matrixOf(
      rotate(
        directions.map(({ onSample }) => onSample),
        sample.rows,
      ),
    ),
    sample,
  );
  const ofFisher = await products.mixed(
    matrixOf(
      rotate(
        directions.map(({ onFisher }) => onFisher),
        m,
      ),
    ),
    fisher,
  );
  const data = ofSample.data;
  for (let i = 0; i < data.length; i++) data[i] = (data[i] ?? 0) + (ofFisher.data[i] ?? 0);
  const energy = sum(folded.values);
  return {
    basis: { rows: options.k, columns: sample.columns, data },
    captured: energy > 0 ? sum(folded.values.subarray(0, k)) / energy : 0,
  };
}

/** The vectors [n × k] of gradient rows [n × width]. */
export const project = (products: Products, rows: Matrix, { basis }: Projection): Promise<Matrix> =>
  products.inner(rows, basis);

/** Mixes directions within blocks; directions that are not there count as zero. */
function rotation(k: number, seed: number) {
  const random = seededRandom(seed);
  const blocks = blockRotations(k, () => normal(random));
  return (directions: readonly Float64Array[], length: number): Float64Array[] =>
    Array.from({ length: k }, (_, row) => {
      const block = Math.floor(row / ROTATION_BLOCK);
      const from = block * ROTATION_BLOCK;
      const size = Math.min(ROTATION_BLOCK, k - from);
      const mixed = new Float64Array(length);
      for (let column = 0; column < size; column++) {
        const weight = blocks[block]?.[(row - from) * size + column] ?? 0;
        const direction = directions[from + column];
        for (let i = 0; direction && i < length; i++)
          mixed[i] = (mixed[i] ?? 0) + weight * (direction[i] ?? 0);
      }
      return mixed;
    });
}

/** The lower triangle C, row-major, of a positive matrix C Cᵀ. */
function cholesky(size: number, at: (row: number, column: number) => number): Float64Array {
  const lower = new Float64Array(size * size);
  for (let row = 0; row < size; row++) {
    const own = lower.subarray(row * size, (row + 1) * size);
    for (let column = 0; column <= row; column++) {
      const other = lower.subarray(column * size, column * size + column);
      let value = at(row, column);
      for (let i = 0; i < column; i++) value -= (own[i] as number) * (other[i] as number);
      own[column] = column < row ? value / (lower[column * size + column] as number) : Math.sqrt(value);
    }
  }
  return lower;
}

/** x with C x = b. */
function forwardSolved(lower: Float64Array, size: number, b: (row: number) => number): Float64Array {
  const x = new Float64Array(size);
  for (let row = 0; row < size; row++) {
    const own = lower.subarray(row * size, row * size + row);
    let value = b(row);
    for (let i = 0; i < row; i++) value -= (own[i] as number) * (x[i] as number);
    x[row] = value / (lower[row * size + row] as number);
  }
  return x;
}

/** x with Cᵀ x = b; `b` is used up. */
function backSolved(lower: Float64Array, size: number, b: Float64Array): Float64Array {
  for (let row = size - 1; row >= 0; row--) {
    const own = lower.subarray(row * size, row * size + row + 1);
    const value = (b[row] as number) / (own[row] as number);
    b[row] = value;
    for (let i = 0; i < row; i++) b[i] = (b[i] as number) - value * (own[i] as number);
  }
  return b;
}

const none = new Float64Array(0);

function matrixOf(rows: readonly Float64Array[]): Matrix {
  const columns = rows[0]?.length ?? 0;
  const data = new Float32Array(rows.length * columns);
  for (const [i, row] of rows.entries()) data.set(row, i * columns);
  return { rows: rows.length, columns, data };
}

const entry = ({ columns, data }: Matrix, row: number, column: number): number =>
  data[row * columns + column] ?? 0;

const sum = (values: Float64Array): number => values.reduce((total, value) => total + value, 0);
