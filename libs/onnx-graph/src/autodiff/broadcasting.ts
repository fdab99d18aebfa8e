import { broadcastAxes, sameShape } from '../dimensions.js';
import type { Value } from '../graph.js';
import { reshapeLike } from '../ops/layout.js';
import { reduceSum } from '../ops/reduce.js';

/** Sums a gradient over the axes along which its value was broadcast. */
export function sumTo(gradient: Value, target: Value): Value {
  if (sameShape(gradient.shape, target.shape)) return gradient;
  const axes = broadcastAxes(gradient.shape, target.shape);
  return reshapeLike(reduceSum(gradient, axes, true), target);
}
