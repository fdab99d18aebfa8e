/** Pearson's r; 0 where one side does not vary. */
export function pearson(one: ArrayLike<number>, two: ArrayLike<number>): number {
  const [meanOne, meanTwo] = [mean(one), mean(two)];
  let [both, squareOne, squareTwo] = [0, 0, 0];
  for (let i = 0; i < one.length; i++) {
    const [a, b] = [(one[i] ?? 0) - meanOne, (two[i] ?? 0) - meanTwo];
    both += a * b;
    squareOne += a * a;
    squareTwo += b * b;
  }
  const scale = Math.sqrt(squareOne * squareTwo);
  return scale > 0 ? both / scale : 0;
}

/** Spearman's rank correlation; equal values share the mean of their ranks. 0 where one side does not vary. */
export function spearman(one: ArrayLike<number>, two: ArrayLike<number>): number {
  return pearson(ranks(one), ranks(two));
}

/** Ranks from 1; equal values share the mean of theirs. */
export function ranks(values: ArrayLike<number>): Float64Array {
  const order = Array.from(values, (value, at) => ({ value, at })).sort((a, b) => a.value - b.value);
  const result = new Float64Array(values.length);
  for (let start = 0; start < order.length; ) {
    let end = start + 1;
    while (end < order.length && order[end]?.value === order[start]?.value) end++;
    for (const { at } of order.slice(start, end)) result[at] = (start + 1 + end) / 2;
    start = end;
  }
  return result;
}

export function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] ?? 0;
  return sum / values.length;
}
