/**
 * Suffix array by prefix doubling with radix passes (Manber & Myers 1993): starts of all suffixes of
 * `tokens` in lexicographic order, O(n log n) time, four integer arrays of n.
 */
export function suffixArray(tokens: Int32Array): Int32Array {
  const length = tokens.length;
  let order: Int32Array = Int32Array.from(tokens.keys()).sort(
    (a, b) => (tokens[a] ?? 0) - (tokens[b] ?? 0) || a - b,
  );
  let rank = ranksOf(order, (a, b) => tokens[a] === tokens[b]);
  for (let width = 1; width < length && (rank[order[length - 1] ?? 0] ?? 0) < length - 1; width *= 2) {
    const known = rank;
    const second = (start: number) => (start + width < length ? (known[start + width] ?? 0) : -1);
    order = sortByFirst(orderBySecond(order, width), known);
    rank = ranksOf(order, (a, b) => known[a] === known[b] && second(a) === second(b));
  }
  return order;
}

/** Suffixes by the rank of what follows their first `width` tokens: those without a rest come first. */
function orderBySecond(order: Int32Array, width: number): Int32Array {
  const { length } = order;
  const bySecond = new Int32Array(length);
  let at = 0;
  for (let start = length - Math.min(width, length); start < length; start++) bySecond[at++] = start;
  for (const start of order) if (start >= width) bySecond[at++] = start - width;
  return bySecond;
}

/** A stable counting sort by rank. */
function sortByFirst(starts: Int32Array, rank: Int32Array): Int32Array {
  const places = new Int32Array(starts.length + 1);
  for (const value of rank) places[value + 1] = (places[value + 1] ?? 0) + 1;
  for (let i = 0; i < starts.length; i++) places[i + 1] = (places[i + 1] ?? 0) + (places[i] ?? 0);
  const sorted = new Int32Array(starts.length);
  for (const start of starts) {
    const value = rank[start] ?? 0;
    const place = places[value] ?? 0;
    sorted[place] = start;
    places[value] = place + 1;
  }
  return sorted;
}

function ranksOf(order: Int32Array, equal: (a: number, b: number) => boolean): Int32Array {
  const rank = new Int32Array(order.length);
  let value = 0;
  for (let i = 1; i < order.length; i++) {
    const [before, here] = [order[i - 1] ?? 0, order[i] ?? 0];
    if (!equal(before, here)) value += 1;
    rank[here] = value;
  }
  return rank;
}
