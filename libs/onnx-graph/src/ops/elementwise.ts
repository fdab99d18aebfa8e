import type { Contribution, GradientRule, RuleContext } from '../autodiff/rule.js';
import { broadcast, broadcastAxes, sameShape } from '../dimensions.js';
import { type DType, microsoftDomain, type Value } from '../graph.js';
import { reshapeLike } from './layout.js';
import { reduceSum } from './reduce.js';

function binary(op: string, a: Value, b: Value): Value {
  return a.graph.one(op, [a, b], { dtype: a.dtype, shape: broadcast(a.shape, b.shape) });
}

function unary(op: string, x: Value): Value {
  return x.graph.one(op, [x], { dtype: x.dtype, shape: x.shape });
}

export const add = (a: Value, b: Value): Value => binary('Add', a, b);
export const sub = (a: Value, b: Value): Value => binary('Sub', a, b);
export const mul = (a: Value, b: Value): Value => binary('Mul', a, b);
export const div = (a: Value, b: Value): Value => binary('Div', a, b);
export const neg = (x: Value): Value => unary('Neg', x);
export const exp = (x: Value): Value => unary('Exp', x);
export const log = (x: Value): Value => unary('Log', x);
export const sqrt = (x: Value): Value => unary('Sqrt', x);
export const reciprocal = (x: Value): Value => unary('Reciprocal', x);
export const sigmoid = (x: Value): Value => unary('Sigmoid', x);

/** x · sigmoid(x) in one pass (ONNX Runtime's QuickGelu with alpha 1); float32 only. */
export function silu(x: Value): Value {
  return x.graph.one('QuickGelu', [x], {
    dtype: x.dtype,
    shape: x.shape,
    attributes: { alpha: { float: 1 } },
    domain: microsoftDomain,
  });
}

/** A scalar constant of the same element type as `x`. */
export function scalarLike(x: Value, value: number): Value {
  return x.graph.scalar(floatType(x.dtype), value);
}

function floatType(dtype: DType): 'float32' | 'float64' {
  return dtype === 'float64' ? 'float64' : 'float32';
}

/** Sums a gradient over the axes along which its value was broadcast. */
export function sumTo(gradient: Value, target: Value): Value {
  if (sameShape(gradient.shape, target.shape)) return gradient;
  const axes = broadcastAxes(gradient.shape, target.shape);
  return reshapeLike(reduceSum(gradient, axes, true), target);
}

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
