/**
 * What is left of a step along an eigenvector of the curvature after training went on for `learning` (sum of
 * the learning rates): (1 − e^(−Lλ)) / Lλ, 1 where the loss is flat and 1/Lλ where it is steep enough for
 * training to have found its way back (SOURCE, Bae et al. 2024, arXiv:2405.12186, eq. 13 for one segment).
 * There is no damping to choose.
 */
export function sourceFilter(eigenvalue: number, learning: number): number {
  const x = learning * eigenvalue;
  return x < 1e-6 ? 1 - x / 2 : -Math.expm1(-x) / x;
}
