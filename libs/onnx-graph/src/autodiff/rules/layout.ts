import { invariant } from '@openledger/kernel';
import { dimAt } from '../../dimensions.js';
import { cast, concat, reshapeLike, split, transpose, zerosLike } from '../../ops/layout.js';
import { sumTo } from '../broadcasting.js';
import type { GradientRule } from '../rule.js';

export const reshapeRule: GradientRule = (c) =>
  c.needs(0) ? [{ input: 0, dense: reshapeLike(c.gradient(), c.input(0)) }] : [];

export const transposeRule: GradientRule = (c) => {
  if (!c.needs(0)) return [];
  const permutation = c.node.attributes.perm;
  invariant(Array.isArray(permutation), 'Transpose without perm');
  const inverse = permutation.map((_, axis) => permutation.indexOf(axis));
  return [{ input: 0, dense: transpose(c.gradient(), inverse) }];
};

export const concatRule: GradientRule = (c) => {
  const axis = Number(c.node.attributes.axis);
  const parts = split(
    c.gradient(),
    c.node.inputs.map((_, index) => {
      const size = dimAt(c.input(index).shape, axis);
      invariant(typeof size === 'number', 'Concat gradient needs static sizes along its axis');
      return size;
    }),
    axis,
  );
  return parts.flatMap((dense, input) => (c.needs(input) ? [{ input, dense }] : []));
};

export const splitRule: GradientRule = (c) => {
  if (!c.needs(0)) return [];
  const parts = c.node.outputs.map((output, index) => c.gradientOf(index)?.total() ?? zerosLike(output));
  return [{ input: 0, dense: concat(parts, Number(c.node.attributes.axis)) }];
};

export const expandRule: GradientRule = (c) =>
  c.needs(0) ? [{ input: 0, dense: sumTo(c.gradient(), c.input(0)) }] : [];

export const castRule: GradientRule = (c) =>
  c.needs(0) ? [{ input: 0, dense: cast(c.gradient(), c.input(0).dtype) }] : [];
