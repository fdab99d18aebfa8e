import type { Contribution, GradientRule } from '../autodiff/rule.js';
import type { Value } from '../graph.js';
import { exp, mul, neg, sub } from './elementwise.js';
import { reduceSum } from './reduce.js';

/** Softmax over the last axis. */
export function softmax(x: Value): Value {
  return x.graph.one('Softmax', [x], { dtype: x.dtype, shape: x.shape, attributes: { axis: -1 } });
}

/** dx = y ∘ (g − Σ g∘y). */
export const softmaxRule: GradientRule = (c) => {
  if (!c.needs(0)) return [];
  const y = c.output(0);
  const weighted = mul(c.gradient(), y);
  return [{ input: 0, dense: sub(weighted, mul(y, reduceSum(weighted, [-1], true))) }];
};

/** Log-softmax over the last axis. */
export function logSoftmax(x: Value): Value {
  return x.graph.one('LogSoftmax', [x], { dtype: x.dtype, shape: x.shape, attributes: { axis: -1 } });
}

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
