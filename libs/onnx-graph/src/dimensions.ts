import { InvariantError } from '@openledger/kernel';

/** A size known when the graph is built, or the name of one that is known only when it runs. */
export type Dim = number | string;
export type Shape = readonly Dim[];

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, axis) => dim === b[axis]);
}

/** The axis counted from the front; negative axes count from the back as in ONNX. */
export function positiveAxis(axis: number, rank: number): number {
  const positive = axis < 0 ? axis + rank : axis;
  if (positive < 0 || positive >= rank) throw new InvariantError(`axis ${axis} is outside rank ${rank}`);
  return positive;
}

export function dimAt(shape: Shape, axis: number): Dim {
  const dim = shape[positiveAxis(axis, shape.length)];
  if (dim === undefined) throw new InvariantError(`no axis ${axis} in [${shape.join(', ')}]`);
  return dim;
}

/** Multidirectional broadcasting; two names broadcast only when they are the same name. */
export function broadcast(a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const left = a[axis - rank + a.length] ?? 1;
    const right = b[axis - rank + b.length] ?? 1;
    if (left === right || right === 1) return left;
    if (left === 1) return right;
    throw new InvariantError(`cannot broadcast [${a.join(', ')}] with [${b.join(', ')}]`);
  });
}

/** Axes of `wide` along which `narrow` was repeated by {@link broadcast}. */
export function broadcastAxes(wide: Shape, narrow: Shape): number[] {
  const offset = wide.length - narrow.length;
  return wide.flatMap((dim, axis) => (axis < offset || narrow[axis - offset] !== dim ? [axis] : []));
}

/**
 * The target list of an ONNX `Reshape`: 0 copies the input's dimension at the same place and -1 is
 * inferred. Undefined when the target names more run-time sizes than those two can express.
 */
export function reshapeTarget(from: Shape, to: Shape): number[] | undefined {
  let inferred = false;
  const target: number[] = [];
  for (const [axis, dim] of to.entries()) {
    if (typeof dim === 'number') target.push(dim);
    else if (from[axis] === dim) target.push(0);
    else if (inferred) return undefined;
    else {
      inferred = true;
      target.push(-1);
    }
  }
  return target;
}
