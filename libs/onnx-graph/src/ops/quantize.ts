import { invariant } from '@openledger/kernel';
import { dimAt } from '../dimensions.js';
import { microsoftDomain, type Value } from '../graph.js';

/** The level that stands for 0: unsigned activations take the fast kernel on x86, signed ones do not. */
const zeroLevel = 128;
const levels = 127;

/** Keeps an all-zero row from dividing by zero. */
export const smallestRange = 1e-12;

/** A float tensor as bytes: value ≈ (level − 128) · scale, with one scale for each row. */
export interface QuantizedRows {
  /** uint8, shaped as the original. */
  readonly levels: Value;
  /** float32, the original's shape with a last axis of 1. */
  readonly scales: Value;
}

/**
 * Quantises every row of the last axis by its own range, so that a row's result never depends on what
 * else is in its batch.
 */
export function quantizeRows(x: Value): QuantizedRows {
  const { graph } = x;
  const float = { dtype: 'float32', shape: x.shape } as const;
  const perRow = { dtype: 'float32', shape: [...x.shape.slice(0, -1), 1] } as const;
  const size = graph.one('Abs', [x], float);
  const range = graph.one('ReduceMax', [size, graph.constant('int64', [-1])], {
    ...perRow,
    attributes: { keepdims: 1 },
  });
  const bounded = graph.one('Max', [range, graph.scalar('float32', smallestRange)], perRow);
  const scales = graph.one('Mul', [bounded, graph.scalar('float32', 1 / levels)], perRow);
  const scaled = graph.one('Div', [x, scales], float);
  const unit = graph.scalar('float32', 1);
  const quantized = graph.one('QuantizeLinear', [scaled, unit, graph.scalar('uint8', zeroLevel)], {
    dtype: 'uint8',
    shape: x.shape,
  });
  return { levels: quantized, scales };
}

/** A matrix as signed bytes, column by column: weight ≈ level · scale. */
export interface QuantizedColumns {
  /** int8 [in, out]. */
  readonly levels: Value;
  /** float32 [out]. */
  readonly scales: Value;
}

/**
 * The product of quantised rows and columns, exact in integers and then scaled to float32; what is left is
 * to multiply it by the scales of the rows. ONNX Runtime's operator scales columns while a tile is still
 * in the cache, which a separate node cannot.
 */
export function matmulLevels({ levels: rows }: QuantizedRows, columns: QuantizedColumns): Value {
  const { graph } = rows;
  const unit = graph.scalar('float32', 1);
  const zero = graph.scalar('uint8', zeroLevel);
  return graph.one('MatMulIntegerToFloat', [rows, columns.levels, unit, columns.scales, zero], {
    dtype: 'float32',
    shape: [...rows.shape.slice(0, -1), dimAt(columns.levels.shape, 1)],
    domain: microsoftDomain,
  });
}

/**
 * Products of quantised rows ([1, rows, in], as {@link quantizeRows} gives their levels) with each of
 * several signed byte matrices ([pages, in, out]), every column times its scale ([pages, 1, out]).
 */
export function matmulBytes(levels: Value, matrices: Value, scales: Value): Value {
  const { graph } = levels;
  const unit = graph.scalar('float32', 1);
  const zero = graph.scalar('uint8', zeroLevel);
  return graph.one('MatMulIntegerToFloat', [levels, matrices, unit, scales, zero], {
    dtype: 'float32',
    shape: [dimAt(matrices.shape, 0), dimAt(levels.shape, 1), dimAt(matrices.shape, 2)],
    domain: microsoftDomain,
  });
}

/** A weight [out, in] that is read a few rows at a time, so that no float copy of all of it need exist. */
export interface MatrixRows {
  readonly shape: readonly [out: number, input: number];
  /** Rows `begin` to `end`, one after the other; the next call may write over them. */
  rows(begin: number, end: number): Float32Array;
}

/** A weight that is in memory anyway. */
export function matrixRows(data: Float32Array, shape: readonly [out: number, input: number]): MatrixRows {
  return { shape, rows: (begin, end) => data.subarray(begin * shape[1], end * shape[1]) };
}

/** Rows quantised at once: their floats stay in the processor's cache, and a run of levels fills its lines. */
const rowsAtOnce = 64;

/** Visits weights that lie below one another in pieces of few rows. */
export function eachPiece(
  weights: readonly MatrixRows[],
  visit: (floats: Float32Array, first: number, count: number) => void,
): void {
  let first = 0;
  for (const weight of weights) {
    const [out] = weight.shape;
    for (let begin = 0; begin < out; begin += rowsAtOnce) {
      const end = Math.min(begin + rowsAtOnce, out);
      visit(weight.rows(begin, end), first + begin, end - begin);
    }
    first += out;
  }
}

/** [out, in] of weights of one input that lie below one another. */
export function stackedShape(weights: readonly MatrixRows[]): readonly [out: number, input: number] {
  const input = weights[0]?.shape[1] ?? 0;
  invariant(
    weights.every((weight) => weight.shape[1] === input),
    'weights of one layer read different inputs',
  );
  return [weights.reduce((sum, { shape }) => sum + shape[0], 0), input];
}

/**
 * The place of the number of largest size between two places. Sizes are compared as the integers that
 * their bits are, which keep the order and cost no branch for the sign.
 */
export function largestAt(floats: Float32Array, begin: number, end: number): number {
  const bits = new Int32Array(floats.buffer, floats.byteOffset, floats.length);
  let largest = -1;
  let place = begin;
  for (let at = begin; at < end; at += 1) {
    const size = (bits[at] as number) & 0x7fff_ffff;
    if (size > largest) {
      largest = size;
      place = at;
    }
  }
  return place;
}

/** Columns turned at once, so that what is written stays in the cache until its lines are full. */
const columnsAtOnce = 64;

/** Quantises the rows of weights that lie below one another and turns the whole to [in, out]. */
export function quantizeWeight(weights: readonly MatrixRows[]): {
  readonly levels: Int8Array;
  readonly scales: Float32Array;
} {
  const [out, input] = stackedShape(weights);
  const quantized = new Int8Array(out * input);
  const scales = new Float32Array(out);
  const inverse = new Float64Array(rowsAtOnce);
  eachPiece(weights, (floats, first, count) => {
    for (let row = 0; row < count; row += 1) {
      const extreme = floats[largestAt(floats, row * input, (row + 1) * input)] ?? 0;
      const range = Math.max(Math.abs(extreme), smallestRange);
      scales[first + row] = range / levels;
      inverse[row] = levels / range;
    }
    for (let left = 0; left < input; left += columnsAtOnce) {
      const right = Math.min(left + columnsAtOnce, input);
      for (let row = 0; row < count; row += 1) {
        const factor = inverse[row] as number;
        const end = row * input + right;
        let to = left * out + first + row;
        for (let at = row * input + left; at < end; at += 1) {
          // Rounds to nearest: what is cut is positive.
          quantized[to] = (((floats[at] as number) * factor + 128.5) | 0) - 128;
          to += out;
        }
      }
    }
  });
  return { levels: quantized, scales };
}
