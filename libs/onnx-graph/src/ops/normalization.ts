import { invariant } from '@openledger/kernel';
import type { Value } from '../graph.js';

/** Root-mean-square normalisation of the last axis, x / √(mean x² + ε) · weight (Zhang & Sennrich 2019). */
export function rmsNorm(x: Value, weight: Value, epsilon: number): Value {
  const [y] = x.graph.apply({
    op: 'SimplifiedLayerNormalization',
    inputs: [x, weight],
    outputs: [
      { dtype: x.dtype, shape: x.shape },
      { dtype: 'float32', shape: x.shape.map((dim, axis) => (axis === x.shape.length - 1 ? 1 : dim)) },
    ],
    attributes: { axis: -1, epsilon: { float: epsilon }, stash_type: 1 },
  });
  invariant(y, 'SimplifiedLayerNormalization made no output');
  return y;
}
