import { positiveAxis } from '../dimensions.js';
import type { Value } from '../graph.js';

function reduce(op: string, x: Value, axes: readonly number[], keep: boolean): Value {
  const reduced = axes.map((axis) => positiveAxis(axis, x.shape.length));
  const shape = x.shape.flatMap((dim, axis) => {
    if (!reduced.includes(axis)) return [dim];
    return keep ? [1] : [];
  });
  return x.graph.one(op, [x, x.graph.constant('int64', reduced)], {
    dtype: x.dtype,
    shape,
    attributes: { keepdims: keep ? 1 : 0 },
  });
}

/** Sums over `axes`; `keep` leaves them with size 1. */
export const reduceSum = (x: Value, axes: readonly number[], keep: boolean): Value =>
  reduce('ReduceSum', x, axes, keep);

export const reduceMean = (x: Value, axes: readonly number[], keep: boolean): Value =>
  reduce('ReduceMean', x, axes, keep);

/** The sum of all elements as a 0-dimensional value. */
export const sumAll = (x: Value): Value => reduceSum(x, [...x.shape.keys()], false);
