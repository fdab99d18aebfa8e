/** e^(−x²/2) / √2π. */
const density = (x: number): number => Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI);

/** P(X > x) of a standard normal X (Abramowitz & Stegun 1964, 26.2.17; error below 7.5e-8). */
function above(x: number): number {
  if (x < 0) return 1 - above(-x);
  const t = 1 / (1 + 0.2316419 * x);
  const series =
    t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return density(x) * series;
}

/**
 * Mean and variance of max(0, X − threshold) for a normal X of mean 0 and deviation `sd`: what chance alone
 * brings above a threshold.
 */
export function chanceAbove(
  threshold: number,
  sd: number,
): { readonly mean: number; readonly variance: number } {
  if (sd <= 0) return { mean: 0, variance: 0 };
  const t = threshold / sd;
  const first = density(t) - t * above(t);
  const second = (1 + t * t) * above(t) - t * density(t);
  return { mean: sd * Math.max(0, first), variance: sd * sd * Math.max(0, second - first * first) };
}

/** P(|X| ≤ this) = ¼ for a standard normal X. */
const LOWER_QUARTILE = 0.318_639_36;

/**
 * Deviation of what is chance among values of which up to three quarters may be more than chance: the lower quartile of
 * the absolute values over that of a standard normal.
 */
export function robustDeviation(values: ArrayLike<number>): number {
  const sorted = Float64Array.from(values, Math.abs).sort();
  return (sorted[Math.floor(sorted.length / 4)] ?? 0) / LOWER_QUARTILE;
}
