/**
 * What a typical record scores on an answer: the median. Any record of a data set teaches manner (how
 * sentences begin, that they end), which helps every answer; only what stands above that speaks of this
 * one. The median rather than the mean, because the few records that matter would pull the mean up.
 */
export function typicalScore(scores: readonly number[]): number {
  const sorted = [...scores].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low = 0, high = 0] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return (low + high) / 2;
}
