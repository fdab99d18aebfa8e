import type { GradientRule, Scatter } from '../autodiff/rule.js';
import { dimAt, positiveAxis } from '../dimensions.js';
import type { Value } from '../graph.js';
import { expandLike, reshape, zerosLike } from './layout.js';
import { flatSize, rowsOf } from './matmul.js';

/** Rows of `table` ([rows, ...]) picked by int64 `indices` of any shape. */
export function gatherRows(table: Value, indices: Value): Value {
  return table.graph.one('Gather', [table, indices], {
    dtype: table.dtype,
    shape: [...indices.shape, ...table.shape.slice(1)],
    attributes: { axis: 0 },
  });
}

/** Adds each row's gradient to the table's row; a row picked twice receives both. */
export const gatherRule: GradientRule = (c) => {
  if (!c.needs(0)) return [];
  const updates = rowsOf(c.gradient());
  const column = reshape(c.input(1), [flatSize(c.input(1).shape), 1]);
  return [{ input: 0, scatter: { indices: expandLike(column, updates), updates, axis: 0 } }];
};

/** One element per index along `axis`; the other axes of `x` and `indices` agree. */
export function gatherElements(x: Value, indices: Value, axis: number): Value {
  return x.graph.one('GatherElements', [x, indices], {
    dtype: x.dtype,
    shape: indices.shape,
    attributes: { axis: positiveAxis(axis, x.shape.length) },
  });
}

export const gatherElementsRule: GradientRule = (c) => {
  if (!c.needs(0)) return [];
  const axis = Number(c.node.attributes['axis']);
  return [{ input: 0, scatter: { indices: c.input(1), updates: c.gradient(), axis } }];
};

/** `x` with `updates` added at `indices`; repeated indices add up (this kernel is sequential, so exactly). */
export function scatterAdd(x: Value, { indices, updates, axis }: Scatter): Value {
  return x.graph.one('ScatterElements', [x, indices, updates], {
    dtype: x.dtype,
    shape: x.shape,
    attributes: { axis: positiveAxis(axis, x.shape.length), reduction: 'add' },
  });
}

export const scatterAddRule: GradientRule = (c) => [
  ...(c.needs(0) ? [{ input: 0, dense: c.gradient() }] : []),
  ...(c.needs(2)
    ? [{ input: 2, dense: gatherElements(c.gradient(), c.input(1), Number(c.node.attributes['axis'])) }]
    : []),
];

/** Positions of the non-zero elements of a vector, as int64 [`count`]. */
export function nonZero(x: Value, count: string): Value {
  const found = x.graph.one('NonZero', [x], { dtype: 'int64', shape: [x.shape.length, count] });
  return reshape(found, [count]);
}

/** Rows of `x` at distinct positions: like {@link gatherRows}, with a gradient that writes instead of adds. */
export function selectRows(x: Value, positions: Value): Value {
  return x.graph.one('GatherND', [x, reshape(positions, [dimAt(positions.shape, 0), 1])], {
    dtype: x.dtype,
    shape: [dimAt(positions.shape, 0), ...x.shape.slice(1)],
  });
}

export const selectRowsRule: GradientRule = (c) => {
  if (!c.needs(0)) return [];
  const x = c.input(0);
  const dense = x.graph.one('ScatterND', [zerosLike(x), c.input(1), c.gradient()], {
    dtype: x.dtype,
    shape: x.shape,
  });
  return [{ input: 0, dense }];
};
