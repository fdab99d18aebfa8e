import { invariant } from '@openledger/kernel';
import { broadcast, type Dim, dimAt, type Shape } from '../dimensions.js';
import { microsoftDomain, type Value } from '../graph.js';
import { reshape } from './layout.js';

export interface MatmulOptions {
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  /** Factor on the product; costs nothing in the kernel. */
  readonly alpha?: number;
}

/**
 * alpha · op(a) · op(b) over the last two axes, leading axes broadcast. Plain products are ONNX
 * `MatMul`, any other ONNX Runtime's `FusedMatMul` (float32), which reads transposed operands in place.
 */
export function matmul(a: Value, b: Value, options: MatmulOptions = {}): Value {
  const { transposeA = false, transposeB = false, alpha = 1 } = options;
  const [rows, inner] = matrixOf(a, transposeA);
  const [other, columns] = matrixOf(b, transposeB);
  invariant(inner === other, `matmul [${a.shape.join(', ')}] by [${b.shape.join(', ')}]: inner sizes differ`);
  const batch = broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2));
  const result = { dtype: a.dtype, shape: [...batch, rows, columns] };
  if (!transposeA && !transposeB && alpha === 1) return a.graph.one('MatMul', [a, b], result);
  return a.graph.one('FusedMatMul', [a, b], {
    ...result,
    attributes: { transA: transposeA ? 1 : 0, transB: transposeB ? 1 : 0, alpha: { float: alpha } },
    domain: microsoftDomain,
  });
}

function matrixOf(x: Value, transposed: boolean): readonly [Dim, Dim] {
  invariant(x.shape.length >= 2, `matmul of rank ${x.shape.length}`);
  const rows = dimAt(x.shape, -2);
  const columns = dimAt(x.shape, -1);
  return transposed ? [columns, rows] : [rows, columns];
}

/** `x` as a matrix whose rows are all its leading positions. */
export function rowsOf(x: Value): Value {
  return reshape(x, [flatSize(x.shape.slice(0, -1)), dimAt(x.shape, -1)]);
}

/** The number of elements, or a canonical name of it. */
export function flatSize(shape: Shape): Dim {
  const known = shape.filter((dim) => typeof dim === 'number').reduce((product, dim) => product * dim, 1);
  const names = shape.filter((dim) => typeof dim === 'string');
  if (names.length === 0) return known;
  return [...(known === 1 ? [] : [String(known)]), ...names].join('*');
}
