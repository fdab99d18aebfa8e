import { exp, mul, neg, sub } from '../../ops/elementwise.js';
import { reduceSum } from '../../ops/reduce.js';
import type { Contribution, GradientRule } from '../rule.js';

/** dx = y ∘ (g − Σ g∘y). */
export const softmaxRule: GradientRule = (c) => {
  if (!c.needs(0)) return [];
  const y = c.output(0);
  const weighted = mul(c.gradient(), y);
  return [{ input: 0, dense: sub(weighted, mul(y, reduceSum(weighted, [-1], true))) }];
};

/**
 * dx = g − exp(y) Σ g. A gradient that is only scattered along the last axis (the picked
 * log-probabilities of a cross-entropy) passes through scattered: no dense one-hot is ever built.
 */
export const logSoftmaxRule: GradientRule = (c) => {
  const gradient = c.gradientOf(0);
  if (!c.needs(0) || !gradient) return [];
  const y = c.output(0);
  const last = y.shape.length - 1;
  if (gradient.dense || gradient.scatters.some(({ axis }) => axis !== last)) {
    const g = gradient.total();
    return [{ input: 0, dense: sub(g, mul(exp(y), reduceSum(g, [-1], true))) }];
  }
  return gradient.scatters.flatMap((scatter): Contribution[] => [
    { input: 0, dense: mul(exp(y), neg(reduceSum(scatter.updates, [-1], true))) },
    { input: 0, scatter },
  ]);
};
