import { normal, seededRandom } from '@openledger/transformer';
import { blockRotations, ROTATION_BLOCK } from '../../../domain/influence/rotation.js';
import { sourceFilter } from '../../../domain/influence/source-filter.js';
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
 * Share of Fisher's matrix that the filter takes for the loss's curvature. Draws estimate its largest
 * eigenvalues too high, and the metric was smaller early on than at the end; measured by retraining, 1 is
 * too much for a short training and a quarter is as good for both (ADR 0035).
 */
const CURVATURE = 0.25;

/**
 * The map from gradient rows to vectors whose products are influences in nats:
 * z_i · z_q = L/T · a_qᵀ (I − E (1 − F) Eᵀ) a_i, with L the learning-rate sum, T the scored tokens, E and F
 * eigenvectors and SOURCE filter of the true Fisher matrix in Adam's metric (labels drawn from the model:
 * the empirical Fisher is far worse, Kunstner et al. 2019, and here by measurement), in the k directions
 * that records differ in most, rotated so that eight bits suffice.
 *
 * Everything is solved in the span of the rows given, so memory is rows × width.
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
  const scale = (CURVATURE * 1) / (m * tokensEach);
  const curvature = spectrumOf(m, (i, j) => entry(own, i, j));

  // E's products with the sample, weighted by √(1 − F): rows of `faded` are what the filter takes off.
  const faded = [...curvature.values].map((value, r) => {
    const lost = 1 - sourceFilter(value * scale, learning.rateSum);
    const vector = curvature.vectors[r] ?? new Float64Array(0);
    const factor = Math.sqrt(Math.max(0, lost) / value);
    return {
      coefficients: vector.map((x) => x * factor),
      products: byRows(vector, cross).map((x) => x * factor),
    };
  });
  const nats = learning.rateSum / learning.scoredTokens;
  const folded = spectrumOf(sample.rows, (i, j) => {
    let value = entry(among, i, j);
    for (const { products: p } of faded) value -= (p[i] ?? 0) * (p[j] ?? 0);
    return nats * value;
  });

  // Principal directions as weights of the sample's rows and of the Fisher rows.
  const k = Math.min(options.k, folded.values.length);
  const directions = Array.from({ length: k }, (_, d) => {
    const norm = nats / Math.sqrt(folded.values[d] ?? 1);
    const onSample = (folded.vectors[d] ?? new Float64Array(0)).map((x) => x * norm);
    const onFisher = new Float64Array(m);
    for (const { coefficients, products: p } of faded) {
      const along = dot(p, onSample);
      for (let i = 0; i < m; i++) onFisher[i] = (onFisher[i] ?? 0) - along * (coefficients[i] ?? 0);
    }
    return { onSample, onFisher };
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
  return {
    basis: { rows: options.k, columns: sample.columns, data },
    captured: sum(folded.values.subarray(0, k)) / sum(folded.values),
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

/** vector · matrix: Σ over the matrix's rows. */
function byRows(vector: Float64Array, { rows, columns, data }: Matrix): Float64Array {
  const result = new Float64Array(columns);
  for (let row = 0; row < rows; row++) {
    const weight = vector[row] ?? 0;
    for (let column = 0; column < columns; column++) {
      result[column] = (result[column] ?? 0) + weight * (data[row * columns + column] ?? 0);
    }
  }
  return result;
}

function matrixOf(rows: readonly Float64Array[]): Matrix {
  const columns = rows[0]?.length ?? 0;
  const data = new Float32Array(rows.length * columns);
  for (const [i, row] of rows.entries()) data.set(row, i * columns);
  return { rows: rows.length, columns, data };
}

const entry = ({ columns, data }: Matrix, row: number, column: number): number =>
  data[row * columns + column] ?? 0;

const sum = (values: Float64Array): number => values.reduce((total, value) => total + value, 0);

function dot(a: Float64Array, b: Float64Array): number {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += (a[i] ?? 0) * (b[i] ?? 0);
  return total;
}
