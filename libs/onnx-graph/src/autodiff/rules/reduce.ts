import { invariant } from '@openledger/kernel';
import { dimAt } from '../../dimensions.js';
import type { Value } from '../../graph.js';
import { mul, scalarLike } from '../../ops/elementwise.js';
import { expandLike, reshape } from '../../ops/layout.js';
import type { GradientRule, RuleContext } from '../rule.js';

function reducedAxes(c: RuleContext): number[] {
  return Array.from(c.node.outputs[0]?.graph.dataOf(c.input(1)) ?? [], Number);
}

/** The output's gradient with the reduced axes put back as size 1. */
function keptGradient(c: RuleContext): Value {
  if (c.node.attributes.keepdims === 1) return c.gradient();
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
