/** An example as tokens, with the index of the first token that is learnt. */
export interface TokenExample {
  readonly tokens: ArrayLike<number>;
  readonly completionStart: number;
}

/**
 * Examples that the model never saw, with the vocabulary and the lengths of its training data: the
 * prompt of one record before the shuffled completion of another. What they score on an answer is
 * what chance scores.
 */
export function decoysOf(
  records: readonly TokenExample[],
  count: number,
  random: () => number,
): TokenExample[] {
  const any = () => records[Math.floor(random() * records.length)];
  return Array.from({ length: count }, () => {
    const [asked, answered] = [any(), any()];
    if (!asked || !answered) return { tokens: [], completionStart: 0 };
    const opening = Array.from(asked.tokens).slice(0, asked.completionStart);
    const completion = shuffled(Array.from(answered.tokens).slice(answered.completionStart), random);
    return { tokens: [...opening, ...completion], completionStart: opening.length };
  });
}

/** The values in a random order. */
export function shuffled<T>(values: readonly T[], random: () => number): T[] {
  const order = values.map((value) => ({ value, at: random() }));
  return order.sort((a, b) => a.at - b.at).map(({ value }) => value);
}
