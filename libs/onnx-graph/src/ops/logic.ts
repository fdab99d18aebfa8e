import type { Contribution, GradientRule } from '../autodiff/rule.js';
import { broadcast } from '../dimensions.js';
import type { Value } from '../graph.js';
import { scalarLike, sumTo } from './elementwise.js';

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

export const whereRule: GradientRule = (c) => {
  const contributions: Contribution[] = [];
  const g = c.gradient();
  const zero = scalarLike(g, 0);
  if (c.needs(1)) {
    contributions.push({ input: 1, dense: sumTo(where(c.input(0), g, zero), c.input(1)) });
  }
  if (c.needs(2)) {
    contributions.push({ input: 2, dense: sumTo(where(c.input(0), zero, g), c.input(2)) });
  }
  return contributions;
};

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
