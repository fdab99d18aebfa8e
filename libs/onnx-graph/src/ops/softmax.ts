import type { Value } from '../graph.js';

/** Softmax over the last axis. */
export function softmax(x: Value): Value {
  return x.graph.one('Softmax', [x], { dtype: x.dtype, shape: x.shape, attributes: { axis: -1 } });
}

/** Log-softmax over the last axis. */
export function logSoftmax(x: Value): Value {
  return x.graph.one('LogSoftmax', [x], { dtype: x.dtype, shape: x.shape, attributes: { axis: -1 } });
}
