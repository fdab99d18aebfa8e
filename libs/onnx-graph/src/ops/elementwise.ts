import { broadcast } from '../dimensions.js';
import { type DType, microsoftDomain, type Value } from '../graph.js';

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
