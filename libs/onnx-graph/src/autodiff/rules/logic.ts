import { scalarLike } from '../../ops/elementwise.js';
import { where } from '../../ops/logic.js';
import { sumTo } from '../broadcasting.js';
import type { Contribution, GradientRule } from '../rule.js';

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
