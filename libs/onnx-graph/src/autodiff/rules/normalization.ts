import { mul, sub } from '../../ops/elementwise.js';
import { reduceMean } from '../../ops/reduce.js';
import { sumTo } from '../broadcasting.js';
import type { Contribution, GradientRule } from '../rule.js';

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
