import { DomainError } from '@openledger/kernel';
import type { LoraWeights, Tensor } from '../model.js';

/** Names and shapes of tensors, in a fixed order. */
export type Shapes = ReadonlyMap<string, readonly number[]>;

/** Numbers in one tensor of this shape. */
export function elementsOf(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1);
}

/** Numbers in all tensors of these shapes. */
export function flatLength(shapes: Shapes): number {
  let size = 0;
  for (const shape of shapes.values()) size += elementsOf(shape);
  return size;
}

/** The tensors laid end to end in the order of `shapes`. */
export function flatten(shapes: Shapes, tensors: ReadonlyMap<string, Pick<Tensor, 'data'>>): Float32Array {
  const vector = new Float32Array(flatLength(shapes));
  let at = 0;
  for (const [name, shape] of shapes) {
    const data = tensors.get(name)?.data;
    const size = elementsOf(shape);
    if (data?.length !== size) {
      throw new DomainError(
        'invalid',
        'TENSOR_MISMATCH',
        `${name} must have ${size} numbers; here it has ${data?.length ?? 'none'}.`,
      );
    }
    vector.set(data, at);
    at += size;
  }
  return vector;
}

/** The inverse of {@link flatten}; the tensors are views of `vector`. */
export function unflatten(shapes: Shapes, vector: Float32Array): LoraWeights {
  const size = flatLength(shapes);
  if (vector.length !== size) {
    throw new DomainError(
      'invalid',
      'TENSOR_MISMATCH',
      `The vector has ${vector.length} numbers; the tensors have ${size}.`,
    );
  }
  const tensors: LoraWeights = new Map();
  let at = 0;
  for (const [name, shape] of shapes) {
    const end = at + elementsOf(shape);
    tensors.set(name, { shape, data: vector.subarray(at, end) });
    at = end;
  }
  return tensors;
}
