/**
 * How many entries ahead the scans read the text, so that its cache misses overlap: a quarter less time at 64 M
 * symbols than without; 16 to 48 are alike.
 */
const AHEAD = 32;

/**
 * Starts of all suffixes of `text` in lexicographic order, by induced sorting in linear time (SA-IS: Nong, Zhang and
 * Chan, "Linear Suffix Array Construction by Almost Pure Induced-Sorting", DCC 2009). A suffix that is the beginning
 * of another comes first.
 *
 * A suffix *rises* when it is smaller than the one after it, else it *falls*. Blocks begin at its local minima: rising
 * suffixes after a falling one. An entry `~start` in the order is done or waits for the other scan, so types are
 * compared where they are needed and never stored (the device of Mori's sais).
 *
 * Memory besides the text: 4 bytes a symbol for the result, up to 4 more while it works, 8 a symbol of the alphabet.
 * The text is always an Int32Array: with one kind of array the loops compile to half the instructions.
 *
 * @param alphabet every symbol is in [0, alphabet)
 */
export function suffixArray(text: Int32Array, alphabet: number): Int32Array {
  const order = new Int32Array(text.length);
  if (text.length < 2) return order;
  const buckets = new Buckets(text, alphabet);
  const minima = placeMinima(text, order, buckets);
  if (minima > 1) {
    sortFallingBlocks(text, order, buckets);
    sortRisingBlocks(text, order, buckets);
    gather(order);
    sortMinima(text, order, { minima, names: nameBlocks(text, order, minima) });
    spread(text, order, { minima, ends: buckets.toEnds() });
  }
  induceFalling(text, order, buckets);
  induceRising(text, order, buckets);
  return order;
}

/** Where the suffixes that begin with each symbol go. */
class Buckets {
  /** What reading ahead read; kept, or the compiler would leave the reading out. */
  touched = 0;
  private readonly counts: Int32Array;
  private readonly places: Int32Array;

  constructor(text: Int32Array, alphabet: number) {
    this.counts = new Int32Array(alphabet);
    this.places = new Int32Array(alphabet);
    const { counts } = this;
    for (let i = 0; i < text.length; i++) {
      const symbol = text[i] ?? 0;
      counts[symbol] = (counts[symbol] ?? 0) + 1;
    }
  }

  toStarts(): Int32Array {
    let sum = 0;
    for (let i = 0; i < this.counts.length; i++) {
      this.places[i] = sum;
      sum += this.counts[i] ?? 0;
    }
    return this.places;
  }

  /** One past the last place of each. */
  toEnds(): Int32Array {
    let sum = 0;
    for (let i = 0; i < this.counts.length; i++) {
      sum += this.counts[i] ?? 0;
      this.places[i] = sum;
    }
    return this.places;
  }
}

/** The local minima at the ends of their buckets, in any order; how many. */
function placeMinima(text: Int32Array, order: Int32Array, buckets: Buckets): number {
  const ends = buckets.toEnds();
  const last = text.length - 1;
  let count = 0;
  // The last suffix is greater than the empty one after it.
  let rises = false;
  for (let at = last - 1, next = text[last] ?? 0; at >= 0; at--) {
    const here = text[at] ?? 0;
    if (here < next) rises = true;
    else if (here > next) {
      if (rises) {
        const place = (ends[next] ?? 0) - 1;
        ends[next] = place;
        order[place] = at + 1;
        count++;
      }
      rises = false;
    }
    next = here;
  }
  return count;
}

/** From unsorted minima, every falling suffix by its block; leaves those that induce a rising one. */
function sortFallingBlocks(text: Int32Array, order: Int32Array, buckets: Buckets): void {
  const { length } = text;
  const starts = buckets.toStarts();
  let touched = 0;
  placeLast(text, order, starts);
  for (let i = 0; i < length; i++) {
    const ahead = order[i + AHEAD < length ? i + AHEAD : i] ?? 0;
    touched ^= text[ahead & ~(ahead >> 31)] ?? 0;
    const start = order[i] ?? 0;
    if (start > 0) {
      const at = start - 1;
      const symbol = text[at] ?? 0;
      const place = starts[symbol] ?? 0;
      order[i] = 0;
      starts[symbol] = place + 1;
      // Marked where the suffix before it rises.
      order[place] = at > 0 ? at ^ (((text[at - 1] ?? 0) - symbol) >> 31) : 0;
    } else if (start < 0) order[i] = ~start;
  }
  buckets.touched ^= touched;
}

/** From sorted falling suffixes, every rising one by its block; leaves the minima, marked, in order of their blocks. */
function sortRisingBlocks(text: Int32Array, order: Int32Array, buckets: Buckets): void {
  const ends = buckets.toEnds();
  let touched = 0;
  for (let i = text.length - 1; i >= 0; i--) {
    const ahead = order[i >= AHEAD ? i - AHEAD : i] ?? 0;
    touched ^= text[ahead & ~(ahead >> 31)] ?? 0;
    const start = order[i] ?? 0;
    if (start <= 0) continue;
    const at = start - 1;
    const symbol = text[at] ?? 0;
    const place = (ends[symbol] ?? 0) - 1;
    order[i] = 0;
    ends[symbol] = place;
    // Marked where the suffix before it falls: then this one is a minimum.
    order[place] = at > 0 ? at ^ ((symbol - (text[at - 1] ?? 0)) >> 31) : 0;
  }
  buckets.touched ^= touched;
}

/** Marked entries to the front, unmarked; the rest empty. */
function gather(order: Int32Array): void {
  let count = 0;
  for (let i = 0; i < order.length; i++) {
    const entry = order[i] ?? 0;
    order[i] = 0;
    if (entry < 0) order[count++] = ~entry;
  }
}

/**
 * Writes for each minimum `at` the rank of its block among the distinct ones, from 1, to `order[minima + at / 2]`
 * (minima are two apart at least); how many distinct blocks.
 */
function nameBlocks(text: Int32Array, order: Int32Array, minima: number): number {
  const { length } = text;
  let end = length;
  forMinima(text, (at) => {
    order[minima + (at >> 1)] = end - at;
    end = at;
  });
  let names = 0;
  let before = length;
  let sizeBefore = 0;
  for (let i = 0; i < minima; i++) {
    const at = order[i] ?? 0;
    const size = order[minima + (at >> 1)] ?? 0;
    // The last block reaches to the end of the text and equals none.
    const ends = at + size >= length || before + size >= length;
    if (ends || size !== sizeBefore || !areEqual(text, { at, before, size })) {
      names++;
      before = at;
      sizeBefore = size;
    }
    order[minima + (at >> 1)] = names;
  }
  return names;
}

function areEqual(text: Int32Array, { at, before, size }: { at: number; before: number; size: number }) {
  // Both include the minimum that ends them.
  for (let i = 0; i <= size; i++) if (text[at + i] !== text[before + i]) return false;
  return true;
}

/** Sorts the suffixes that begin at minima into the front of the order, by sorting the text of their blocks' names. */
function sortMinima(
  text: Int32Array,
  order: Int32Array,
  { minima, names }: { minima: number; names: number },
): void {
  const { length } = text;
  const reduced = order.subarray(length - minima);
  for (let i = minima + (length >> 1) - 1, at = minima; i >= minima; i--) {
    const name = order[i] ?? 0;
    if (name > 0) reduced[--at] = name - 1;
  }
  const sorted = names < minima ? suffixArray(reduced, names) : inverse(reduced);
  let count = minima;
  forMinima(text, (at) => {
    reduced[--count] = at;
  });
  for (let i = 0; i < minima; i++) order[i] = reduced[sorted[i] ?? 0] ?? 0;
}

function inverse(ranks: Int32Array): Int32Array {
  const order = new Int32Array(ranks.length);
  for (let i = 0; i < ranks.length; i++) order[ranks[i] ?? 0] = i;
  return order;
}

/** From the last minimum to the first. */
function forMinima(text: Int32Array, visit: (at: number) => void): void {
  const last = text.length - 1;
  let rises = false;
  for (let at = last - 1, next = text[last] ?? 0; at >= 0; at--) {
    const here = text[at] ?? 0;
    if (here < next) rises = true;
    else if (here > next) {
      if (rises) visit(at + 1);
      rises = false;
    }
    next = here;
  }
}

/** The sorted minima from the front of the order to the ends of their buckets; the rest empty. */
function spread(
  text: Int32Array,
  order: Int32Array,
  { minima, ends }: { minima: number; ends: Int32Array },
): void {
  order.fill(0, minima);
  for (let i = minima - 1; i >= 0; i--) {
    const at = order[i] ?? 0;
    const symbol = text[at] ?? 0;
    const place = (ends[symbol] ?? 0) - 1;
    order[i] = 0;
    ends[symbol] = place;
    order[place] = at;
  }
}

/** From sorted minima, all falling suffixes to their places; those that induce a rising one stay unmarked. */
function induceFalling(text: Int32Array, order: Int32Array, buckets: Buckets): void {
  const { length } = text;
  const starts = buckets.toStarts();
  let touched = 0;
  placeLast(text, order, starts);
  for (let i = 0; i < length; i++) {
    const ahead = order[i + AHEAD < length ? i + AHEAD : i] ?? 0;
    touched ^= text[ahead & ~(ahead >> 31)] ?? 0;
    const start = order[i] ?? 0;
    order[i] = ~start;
    if (start <= 0) continue;
    const at = start - 1;
    const symbol = text[at] ?? 0;
    const place = starts[symbol] ?? 0;
    starts[symbol] = place + 1;
    order[place] = at > 0 ? at ^ (((text[at - 1] ?? 0) - symbol) >> 31) : 0;
  }
  buckets.touched ^= touched;
}

/** From sorted falling suffixes, all rising ones to their places; removes every mark. */
function induceRising(text: Int32Array, order: Int32Array, buckets: Buckets): void {
  const ends = buckets.toEnds();
  let touched = 0;
  for (let i = text.length - 1; i >= 0; i--) {
    const ahead = order[i >= AHEAD ? i - AHEAD : i] ?? 0;
    touched ^= text[ahead & ~(ahead >> 31)] ?? 0;
    const start = order[i] ?? 0;
    if (start > 0) {
      const at = start - 1;
      const symbol = text[at] ?? 0;
      const place = (ends[symbol] ?? 0) - 1;
      ends[symbol] = place;
      order[place] = at > 0 ? at ^ ((symbol - (text[at - 1] ?? 0)) >> 31) : -1;
    } else order[i] = ~start;
  }
  buckets.touched ^= touched;
}

/** The last suffix falls, and comes first in its bucket. */
function placeLast(text: Int32Array, order: Int32Array, starts: Int32Array): void {
  const last = text.length - 1;
  const symbol = text[last] ?? 0;
  const place = starts[symbol] ?? 0;
  starts[symbol] = place + 1;
  order[place] = last ^ (((text[last - 1] ?? 0) - symbol) >> 31);
}
