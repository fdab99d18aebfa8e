import { matmul, rowsOf } from '../../ops/matmul.js';
import { sumTo } from '../broadcasting.js';
import type { Contribution, GradientRule } from '../rule.js';

/** For Y = α op(A) op(B): dA = α dY op(B)ᵀ and dB = α op(A)ᵀ dY, each transposed where its operand was. */
export const matmulRule: GradientRule = (c) => {
  const { transA, transB, alpha } = c.node.attributes;
  const factor = typeof alpha === 'object' && 'float' in alpha ? alpha.float : 1;
  const ta = transA === 1;
  const tb = transB === 1;
  const a = c.input(0);
  const b = c.input(1);
  const contributions: Contribution[] = [];
  if (c.needs(0)) {
    const g = c.gradient();
    const dense = ta
      ? matmul(b, g, { transposeA: tb, transposeB: true, alpha: factor })
      : matmul(g, b, { transposeB: !tb, alpha: factor });
    contributions.push({ input: 0, dense: sumTo(dense, a) });
  }
  if (c.needs(1)) {
    // A shared right matrix sees every leading position as one more row: one large product, no sum.
    const apart = c.apart(1);
    const folds = !apart && b.shape.length === 2 && a.shape.length > 2 && !ta;
    const left = folds ? rowsOf(a) : a;
    const g = folds ? rowsOf(c.gradient()) : c.gradient();
    const dense = tb
      ? matmul(g, left, { transposeA: true, transposeB: ta, alpha: factor })
      : matmul(left, g, { transposeA: !ta, alpha: factor });
    contributions.push({ input: 1, dense: apart ? dense : sumTo(dense, b) });
  }
  return contributions;
};
