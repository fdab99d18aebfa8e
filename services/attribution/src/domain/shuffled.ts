/** The values in a random order. */
export function shuffled<T>(values: readonly T[], random: () => number): T[] {
  const order = values.map((value) => ({ value, at: random() }));
  return order.sort((a, b) => a.at - b.at).map(({ value }) => value);
}
