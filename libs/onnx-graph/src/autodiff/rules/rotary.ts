import { neg } from '../../ops/elementwise.js';
import { rotary } from '../../ops/rotary.js';
import type { GradientRule } from '../rule.js';

/** A rotation is orthogonal: its transpose is the rotation by the opposite angle. */
export const rotaryRule: GradientRule = (c) => {
  if (!c.needs(0)) return [];
  const tables = { positions: c.input(1), cos: c.input(2), sin: neg(c.input(3)) };
  return [{ input: 0, dense: rotary(c.gradient(), tables, Number(c.node.attributes.num_heads)) }];
};
