import { gatherElements } from '../../ops/indexing.js';
import { expandLike, reshape, zerosLike } from '../../ops/layout.js';
import { flatSize, rowsOf } from '../../ops/matmul.js';
import type { GradientRule } from '../rule.js';

/** Adds each row's gradient to the table's row; a row picked twice receives both. */
export const gatherRule: GradientRule = (c) => {
  if (!c.needs(0)) return [];
  const updates = rowsOf(c.gradient());
  const column = reshape(c.input(1), [flatSize(c.input(1).shape), 1]);
  return [{ input: 0, scatter: { indices: expandLike(column, updates), updates, axis: 0 } }];
};

export const gatherElementsRule: GradientRule = (c) => {
  if (!c.needs(0)) return [];
  const axis = Number(c.node.attributes.axis);
  return [{ input: 0, scatter: { indices: c.input(1), updates: c.gradient(), axis } }];
};

export const scatterAddRule: GradientRule = (c) => [
  ...(c.needs(0) ? [{ input: 0, dense: c.gradient() }] : []),
  ...(c.needs(2)
    ? [{ input: 2, dense: gatherElements(c.gradient(), c.input(1), Number(c.node.attributes.axis)) }]
    : []),
];

export const selectRowsRule: GradientRule = (c) => {
  if (!c.needs(0)) return [];
  const x = c.input(0);
  const dense = x.graph.one('ScatterND', [zerosLike(x), c.input(1), c.gradient()], {
    dtype: x.dtype,
    shape: x.shape,
  });
  return [{ input: 0, dense }];
};
