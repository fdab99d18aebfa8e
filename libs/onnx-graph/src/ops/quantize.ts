import { dimAt } from '../dimensions.js';
import type { Value } from '../graph.js';

/** The level that stands for 0: unsigned activations take the fast kernel on x86, signed ones do not. */
const zeroLevel = 128;
const levels = 127;

/** Keeps an all-zero row from dividing by zero. */
const smallestRange = 1e-12;

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

/** The product of quantised rows and columns, exact in integers and then scaled to float32. */
export function matmulQuantized(rows: QuantizedRows, columns: QuantizedColumns): Value {
  const { graph } = rows.levels;
  const shape = [...rows.levels.shape.slice(0, -1), dimAt(columns.levels.shape, 1)];
  const float = { dtype: 'float32', shape } as const;
  const zero = graph.scalar('uint8', zeroLevel);
  const sums = graph.one('MatMulInteger', [rows.levels, columns.levels, zero], { dtype: 'int32', shape });
  const cast = graph.one('Cast', [sums], { ...float, attributes: { to: 1 } });
  return graph.one('Mul', [graph.one('Mul', [cast, rows.scales], float), columns.scales], float);
}

/** Quantises the rows of a [out, in] weight and turns it to [in, out]. */
export function quantizeWeight(
  data: Float32Array,
  shape: readonly [out: number, input: number],
): { readonly levels: Int8Array; readonly scales: Float32Array } {
  const [out, input] = shape;
  const quantized = new Int8Array(out * input);
  const scales = new Float32Array(out);
  for (let row = 0; row < out; row += 1) {
    const weights = data.subarray(row * input, (row + 1) * input);
    const range = weights.reduce((largest, weight) => Math.max(largest, Math.abs(weight)), smallestRange);
    const scale = range / levels;
    scales[row] = scale;
    for (let column = 0; column < input; column += 1) {
      quantized[column * out + row] = Math.round((weights[column] ?? 0) / scale);
    }
  }
  return { levels: quantized, scales };
}
