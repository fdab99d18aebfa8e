import type { Value } from '../graph.js';

/** Sums over the last axis up to and including each element; from its end backwards where `reverse`. */
export function cumulativeSum(x: Value, reverse = false): Value {
  return x.graph.one('CumSum', [x, x.graph.scalar('int64', x.shape.length - 1)], {
    dtype: x.dtype,
    shape: x.shape,
    attributes: { exclusive: 0, reverse: reverse ? 1 : 0 },
  });
}
