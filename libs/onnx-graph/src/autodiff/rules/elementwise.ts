import { type Value } from '../../graph.js';
import { add, div, mul, neg, scalarLike, sigmoid, sub } from '../../ops/elementwise.js';
import { sumTo } from '../broadcasting.js';
import type { Contribution, GradientRule, RuleContext } from '../rule.js';

function contribute(context: RuleContext, parts: readonly (() => Value)[]): Contribution[] {
  return parts.flatMap((part, input) =>
    context.needs(input) ? [{ input, dense: sumTo(part(), context.input(input)) }] : [],
  );
}

export const addRule: GradientRule = (c) => contribute(c, [() => c.gradient(), () => c.gradient()]);

export const subRule: GradientRule = (c) => contribute(c, [() => c.gradient(), () => neg(c.gradient())]);

export const mulRule: GradientRule = (c) =>
  contribute(c, [() => mul(c.gradient(), c.input(1)), () => mul(c.gradient(), c.input(0))]);

export const divRule: GradientRule = (c) =>
  contribute(c, [
    () => div(c.gradient(), c.input(1)),
    () => neg(mul(c.gradient(), div(c.output(0), c.input(1)))),
  ]);

export const negRule: GradientRule = (c) => contribute(c, [() => neg(c.gradient())]);
export const expRule: GradientRule = (c) => contribute(c, [() => mul(c.gradient(), c.output(0))]);
export const logRule: GradientRule = (c) => contribute(c, [() => div(c.gradient(), c.input(0))]);

export const sqrtRule: GradientRule = (c) =>
  contribute(c, [() => div(mul(c.gradient(), scalarLike(c.output(0), 0.5)), c.output(0))]);

export const reciprocalRule: GradientRule = (c) =>
  contribute(c, [() => neg(mul(c.gradient(), mul(c.output(0), c.output(0))))]);

/** d sigmoid = s (1 − s). */
export const sigmoidRule: GradientRule = (c) =>
  contribute(c, [
    () => {
      const s = c.output(0);
      return mul(c.gradient(), mul(s, sub(scalarLike(s, 1), s)));
    },
  ]);

/** With s = sigmoid(x) and y = x·s: dy/dx = s (1 + x − y). */
export const siluRule: GradientRule = (c) =>
  contribute(c, [
    () => {
      const slope = add(sub(c.input(0), c.output(0)), scalarLike(c.input(0), 1));
      return mul(c.gradient(), mul(sigmoid(c.input(0)), slope));
    },
  ]);
