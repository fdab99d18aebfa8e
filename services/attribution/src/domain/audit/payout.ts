/** The positive values' shares of their sum; nobody has a share where none is positive. */
export function positiveShares(values: ArrayLike<number>): Float64Array {
  const shares = Float64Array.from(values, (value) => Math.max(value, 0));
  const sum = shares.reduce((total, value) => total + value, 0);
  return sum > 0 ? shares.map((share) => share / sum) : shares;
}

/**
 * Total variation distance: the part of the pool that one payout gives to others than the other does. What a payout
 * gives to nobody counts as given to one more party.
 */
export function totalVariation(one: ArrayLike<number>, two: ArrayLike<number>): number {
  let distance = 0;
  let rest = 0;
  for (let i = 0; i < one.length; i++) {
    const difference = (one[i] ?? 0) - (two[i] ?? 0);
    distance += Math.abs(difference);
    rest -= difference;
  }
  return (distance + Math.abs(rest)) / 2;
}
