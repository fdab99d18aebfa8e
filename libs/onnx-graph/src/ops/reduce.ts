import { invariant } from '@openledger/kernel';
import type { GradientRule, RuleContext } from '../autodiff/rule.js';
import { dimAt, positiveAxis } from '../dimensions.js';
import type { Value } from '../graph.js';
import { mul, scalarLike } from './elementwise.js';
import { expandLike, reshape } from './layout.js';

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

function reducedAxes(c: RuleContext): number[] {
  return Array.from(c.node.outputs[0]?.graph.dataOf(c.input(1)) ?? [], Number);
}

/** The output's gradient with the reduced axes put back as size 1. */
function keptGradient(c: RuleContext): Value {
  if (c.node.attributes['keepdims'] === 1) return c.gradient();
  const axes = reducedAxes(c);
  return reshape(
    c.gradient(),
    c.input(0).shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim)),
  );
}

export const reduceSumRule: GradientRule = (c) =>
  c.needs(0) ? [{ input: 0, dense: expandLike(keptGradient(c), c.input(0)) }] : [];

export const reduceMeanRule: GradientRule = (c) => {
  if (!c.needs(0)) return [];
  const count = reducedAxes(c).reduce((product, axis) => {
    const size = dimAt(c.input(0).shape, axis);
    invariant(typeof size === 'number', 'ReduceMean gradient needs static sizes along its axes');
    return product * size;
  }, 1);
  const kept = keptGradient(c);
  return [{ input: 0, dense: expandLike(mul(kept, scalarLike(kept, 1 / count)), c.input(0)) }];
};
