import { invariant } from './errors.js';

/**
 * Splits `total` in proportion to `weights` so that the parts sum to `total` exactly (largest remainder,
 * Hamilton's method). Units left over after flooring go to the largest remainders; equal remainders are
 * served in the order given, so callers sort by a stable key first and anyone re-computes the same parts.
 *
 * @param total non-negative amount in its smallest unit
 * @param weights non-negative, at least one positive
 */
export function splitExactly(total: bigint, weights: readonly bigint[]): bigint[] {
  const sum = weights.reduce((a, b) => a + b, 0n);
  invariant(total >= 0n, 'total is negative');
  invariant(
    weights.every((w) => w >= 0n),
    'a weight is negative',
  );
  invariant(sum > 0n, 'no positive weight to split by');

  const parts = weights.map((weight) => (total * weight) / sum);
  const remainders = weights.map((weight, index) => ({ index, remainder: (total * weight) % sum }));
  remainders.sort((a, b) =>
    a.remainder === b.remainder ? a.index - b.index : a.remainder > b.remainder ? -1 : 1,
  );
  const left = Number(total - parts.reduce((a, b) => a + b, 0n));
  for (const { index } of remainders.slice(0, left)) parts[index] = (parts[index] ?? 0n) + 1n;
  return parts;
}

/** Shares are parts per billion: fine enough that rounding never shows in wei of a cent. */
export const PPB = 1_000_000_000n;

/** Steps relative to the largest score: enough to keep every share to better than one ppb. */
const STEPS = 2 ** 40;

/** Turns non-negative finite scores into integer shares that sum to {@link PPB}. */
export function toPpb(scores: readonly number[]): bigint[] {
  const max = Math.max(...scores);
  invariant(Number.isFinite(max) && max > 0, 'no positive score');
  return splitExactly(
    PPB,
    scores.map((score) => BigInt(Math.round((Math.max(0, score) / max) * STEPS))),
  );
}
