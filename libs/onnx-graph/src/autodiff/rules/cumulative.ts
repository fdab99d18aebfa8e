import { cumulativeSum } from '../../ops/cumulative.js';
import type { GradientRule } from '../rule.js';

/** An element is in every sum from its own place on. */
export const cumulativeSumRule: GradientRule = (c) =>
  c.needs(0) ? [{ input: 0, dense: cumulativeSum(c.gradient(), c.node.attributes.reverse !== 1) }] : [];
