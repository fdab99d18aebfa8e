import { mean } from './correlation.js';

/** The ends of a 95 % confidence interval. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

export interface Estimate extends Interval {
  readonly value: number;
}

/** Quantile of the normal distribution at 97.5 %. */
const Z = 1.959_963_985;
const RESAMPLES = 2_000;

/**
 * Percentile bootstrap over `count` independent observations. Percentiles of a bootstrap are too narrow for few
 * observations, so they are taken further out, as far as Student's t lies from the normal distribution
 * (Hesterberg 2015, "What teachers should know about the bootstrap", section 5.3).
 *
 * @param statistic of the observations with these indices, which repeat.
 * @param random uniform numbers; a seeded stream gives the same interval again.
 */
export function bootstrapInterval(
  count: number,
  statistic: (sample: Uint32Array) => number,
  random: () => number,
): Interval {
  const sample = new Uint32Array(count);
  const values = Float64Array.from({ length: RESAMPLES }, () => {
    for (let i = 0; i < count; i++) sample[i] = random() * count;
    return statistic(sample);
  }).sort();
  const tail = count > 1 ? normalTail(Math.sqrt(count / (count - 1)) * studentQuantile(count - 1)) : 0;
  const at = Math.min(Math.floor(tail * RESAMPLES), RESAMPLES - 1);
  return { low: values[at] ?? Number.NaN, high: values[RESAMPLES - 1 - at] ?? Number.NaN };
}

/** The mean of one number a query, with its interval over the queries. */
export function meanEstimate(values: ArrayLike<number>, random: () => number): Estimate {
  const meanOf = (sample: Uint32Array) => {
    let sum = 0;
    for (const i of sample) sum += values[i] ?? 0;
    return sum / sample.length;
  };
  return { value: mean(values), ...bootstrapInterval(values.length, meanOf, random) };
}

/** Interval of a correlation over `pairs` independent pairs, by Fisher's transformation. */
export function correlationInterval(r: number, pairs: number): Interval {
  if (pairs <= 3) return { low: -1, high: 1 };
  const half = Z / Math.sqrt(pairs - 3);
  // r = ±1 is a pole; what double precision can tell from it is enough.
  const centre = Math.atanh(Math.min(Math.max(r, -1 + Number.EPSILON), 1 - Number.EPSILON));
  return { low: Math.tanh(centre - half), high: Math.tanh(centre + half) };
}

/** Student's t at 97.5 %, by the expansion of Cornish and Fisher (Abramowitz & Stegun 26.7.5). */
function studentQuantile(freedom: number): number {
  const first = (Z ** 3 + Z) / 4;
  const second = (5 * Z ** 5 + 16 * Z ** 3 + 3 * Z) / 96;
  const third = (3 * Z ** 7 + 19 * Z ** 5 + 17 * Z ** 3 - 15 * Z) / 384;
  return Z + first / freedom + second / freedom ** 2 + third / freedom ** 3;
}

/** Mass of the normal distribution beyond z ≥ 0 (Abramowitz & Stegun 26.2.17; error below 10^-7). */
function normalTail(z: number): number {
  const t = 1 / (1 + 0.231_641_9 * z);
  const polynomial =
    t *
    (0.319_381_53 + t * (-0.356_563_782 + t * (1.781_477_937 + t * (-1.821_255_978 + t * 1.330_274_429))));
  return (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * polynomial;
}
