import { invariant } from '@openledger/kernel';
import type { Contribution, GradientRule } from '../autodiff/rule.js';
import type { Value } from '../graph.js';
import { mul, sub, sumTo } from './elementwise.js';
import { reduceMean } from './reduce.js';

/** Root-mean-square normalisation of the last axis, x / √(mean x² + ε) · weight (Zhang & Sennrich 2019). */
export function rmsNorm(x: Value, weight: Value, epsilon: number): Value {
  const [y] = x.graph.apply({
    op: 'SimplifiedLayerNormalization',
    inputs: [x, weight],
    outputs: [
      { dtype: x.dtype, shape: x.shape },
      { dtype: 'float32', shape: x.shape.map((dim, axis) => (axis === x.shape.length - 1 ? 1 : dim)) },
    ],
    attributes: { axis: -1, epsilon: { float: epsilon }, stash_type: 1 },
  });
  invariant(y, 'SimplifiedLayerNormalization made no output');
  return y;
}

/** With r = 1/√(mean x² + ε), n = x r and h = g ∘ weight: dx = r (h − n mean(h∘n)), dweight = Σ g∘n. */
export const rmsNormRule: GradientRule = (c) => {
  const contributions: Contribution[] = [];
  const inverse = c.output(1);
  const normal = mul(c.input(0), inverse);
  if (c.needs(0)) {
    const scaled = mul(c.gradient(), c.input(1));
    const overlap = reduceMean(mul(scaled, normal), [-1], true);
    contributions.push({ input: 0, dense: mul(inverse, sub(scaled, mul(normal, overlap))) });
  }
  if (c.needs(1)) {
    contributions.push({ input: 1, dense: sumTo(mul(c.gradient(), normal), c.input(1)) });
  }
  return contributions;
};
