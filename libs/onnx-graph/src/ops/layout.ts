import { invariant } from '@openledger/kernel';
import { type Dim, dimAt, positiveAxis, reshapeTarget, type Shape, sameShape } from '../dimensions.js';
import type { DType, Value } from '../graph.js';
import { onnxTypes } from '../onnx/types.js';

/** The run-time shape as an int64 vector. */
export function shapeOf(x: Value): Value {
  return x.graph.one('Shape', [x], { dtype: 'int64', shape: [x.shape.length] });
}

/** Gives `x` a new shape of as many elements; see {@link reshapeTarget} for what `shape` may name. */
export function reshape(x: Value, shape: Shape): Value {
  if (sameShape(x.shape, shape)) return x;
  const target = reshapeTarget(x.shape, shape);
  invariant(target, `[${x.shape.join(', ')}] to [${shape.join(', ')}] needs sizes of another value`);
  return x.graph.one('Reshape', [x, x.graph.constant('int64', target)], { dtype: x.dtype, shape });
}

/** Gives `x` the shape of `reference`, read at run time where it is not expressible before. */
export function reshapeLike(x: Value, reference: Value): Value {
  if (sameShape(x.shape, reference.shape)) return x;
  if (reshapeTarget(x.shape, reference.shape)) return reshape(x, reference.shape);
  return x.graph.one('Reshape', [x, shapeOf(reference)], { dtype: x.dtype, shape: reference.shape });
}

export function transpose(x: Value, permutation: readonly number[]): Value {
  const shape = permutation.map((axis) => dimAt(x.shape, axis));
  return x.graph.one('Transpose', [x], { dtype: x.dtype, shape, attributes: { perm: permutation } });
}

export function concat(values: readonly Value[], axis: number): Value {
  const [first] = values;
  invariant(first, 'concat of nothing');
  const at = positiveAxis(axis, first.shape.length);
  const sizes = values.map((value) => dimAt(value.shape, at));
  const shape = first.shape.map((dim, index) => (index === at ? totalOf(sizes) : dim));
  return first.graph.one('Concat', values, { dtype: first.dtype, shape, attributes: { axis: at } });
}

function totalOf(sizes: readonly Dim[]): Dim {
  const numbers = sizes.filter((size) => typeof size === 'number');
  return numbers.length === sizes.length ? numbers.reduce((sum, size) => sum + size, 0) : sizes.join('+');
}

/** Cuts `x` into parts of the given sizes along `axis`. */
export function split(x: Value, sizes: readonly number[], axis: number): Value[] {
  const at = positiveAxis(axis, x.shape.length);
  return x.graph.apply({
    op: 'Split',
    inputs: [x, x.graph.constant('int64', sizes)],
    outputs: sizes.map((size) => ({
      dtype: x.dtype,
      shape: x.shape.map((dim, index) => (index === at ? size : dim)),
    })),
    attributes: { axis: at },
  });
}

/** Cuts the last axis of `x` in two at run time; `sizes` are 0-dimensional int64 and named by `dims`. */
export function splitAfter(
  x: Value,
  sizes: readonly [Value, Value],
  dims: readonly [Dim, Dim],
): [Value, Value] {
  const at = x.shape.length - 1;
  const lengths = concat(
    sizes.map((size) => reshape(size, [1])),
    0,
  );
  const [head, tail] = x.graph.apply({
    op: 'Split',
    inputs: [x, lengths],
    outputs: dims.map((dim) => ({ dtype: x.dtype, shape: [...x.shape.slice(0, -1), dim] })),
    attributes: { axis: at },
  });
  invariant(head && tail, 'Split made no output');
  return [head, tail];
}

/** Repeats size-1 axes of `x` up to the run-time shape of `reference`. */
export function expandLike(x: Value, reference: Value): Value {
  if (sameShape(x.shape, reference.shape)) return x;
  return x.graph.one('Expand', [x, shapeOf(reference)], { dtype: x.dtype, shape: reference.shape });
}

/** A float tensor of zeros with the run-time shape of `reference`. */
export function zerosLike(reference: Value): Value {
  const type = reference.dtype === 'float64' ? 'float64' : 'float32';
  return expandLike(reference.graph.scalar(type, 0), reference);
}

export function cast(x: Value, dtype: DType): Value {
  if (x.dtype === dtype) return x;
  return x.graph.one('Cast', [x], { dtype, shape: x.shape, attributes: { to: onnxTypes[dtype] } });
}
