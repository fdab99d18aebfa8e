import { broadcast } from '../dimensions.js';
import type { Value } from '../graph.js';

/** Element-wise a > b as booleans. */
export function greater(a: Value, b: Value): Value {
  return a.graph.one('Greater', [a, b], { dtype: 'bool', shape: broadcast(a.shape, b.shape) });
}

/** Element-wise a ≥ b as booleans. */
export function greaterOrEqual(a: Value, b: Value): Value {
  return a.graph.one('GreaterOrEqual', [a, b], { dtype: 'bool', shape: broadcast(a.shape, b.shape) });
}

/** `a` where the condition holds, else `b`. */
export function where(condition: Value, a: Value, b: Value): Value {
  const shape = broadcast(condition.shape, broadcast(a.shape, b.shape));
  return a.graph.one('Where', [condition, a, b], { dtype: a.dtype, shape });
}

/** The size of one axis as a 0-dimensional int64. */
export function sizeOf(x: Value, axis: number): Value {
  const graph = x.graph;
  const shape = graph.one('Shape', [x], { dtype: 'int64', shape: [x.shape.length] });
  return graph.one('Gather', [shape, graph.scalar('int64', axis)], {
    dtype: 'int64',
    shape: [],
    attributes: { axis: 0 },
  });
}

/** 0, 1, … up to a run-time limit, named `dim`. */
export function range(limit: Value, dim: string): Value {
  const graph = limit.graph;
  return graph.one('Range', [graph.scalar('int64', 0), limit, graph.scalar('int64', 1)], {
    dtype: 'int64',
    shape: [dim],
  });
}
