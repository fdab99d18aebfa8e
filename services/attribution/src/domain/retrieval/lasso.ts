import { invariant } from '@openledger/kernel';

const SWEEPS_MAX = 2_000;
/** Change of a coefficient, in units of the outcome, at which a sweep counts as the last. */
const CONVERGED = 1e-12;

/**
 * Linear regression with an ℓ1 penalty (Tibshirani 1996) on standardised columns, by cyclic coordinate descent
 * (Friedman et al. 2010): minimises 1/(2n)·‖y − ȳ − X̃b‖² + α·‖b‖₁ and answers with the slopes b by unit of the plain columns.
 * A column that does not vary has slope 0.
 *
 * @param rows n observations of equally many columns
 */
export function lasso(
  rows: readonly (readonly number[])[],
  outcomes: readonly number[],
  alpha: number,
): number[] {
  const n = rows.length;
  invariant(n > 0 && outcomes.length === n, 'every observation has its outcome');
  const columns = standardise(rows);
  const mean = average(outcomes);
  const residual = outcomes.map((outcome) => outcome - mean);
  const slopes = columns.map(() => 0);
  for (let sweep = 0; sweep < SWEEPS_MAX; sweep += 1) {
    let change = 0;
    for (const [j, { values, scale }] of columns.entries()) {
      if (scale === 0) continue;
      const before = slopes[j] ?? 0;
      // The column has mean 0 and mean square 1.
      const pull = average(values.map((value, i) => value * (residual[i] ?? 0))) + before;
      const after = softThreshold(pull, alpha);
      if (after === before) continue;
      for (let i = 0; i < n; i += 1) residual[i] = (residual[i] ?? 0) + (before - after) * (values[i] ?? 0);
      slopes[j] = after;
      change = Math.max(change, Math.abs(after - before));
    }
    if (change < CONVERGED) break;
  }
  return columns.map(({ scale }, j) => (scale === 0 ? 0 : (slopes[j] ?? 0) / scale));
}

interface Column {
  readonly values: readonly number[];
  /** Standard deviation, over n. */
  readonly scale: number;
}

function standardise(rows: readonly (readonly number[])[]): Column[] {
  return (rows[0] ?? []).map((_, j) => {
    const plain = rows.map((row) => row[j] ?? 0);
    const mean = average(plain);
    const scale = Math.sqrt(average(plain.map((value) => (value - mean) ** 2)));
    return { scale, values: plain.map((value) => (scale === 0 ? 0 : (value - mean) / scale)) };
  });
}

const softThreshold = (value: number, by: number): number =>
  Math.sign(value) * Math.max(0, Math.abs(value) - by);

const average = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
