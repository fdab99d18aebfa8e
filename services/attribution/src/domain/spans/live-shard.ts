import { lastAtMost, type Shard } from './shard.js';

/** Suffixes at the places [from, to) of a shard's order. */
export interface PlaceRange {
  readonly from: number;
  readonly to: number;
}

/** A shard without the documents that were withdrawn since it was built. Withdrawing makes another one. */
export class LiveShard {
  readonly deadTokens: number;
  /** A bit for each place of the order whose suffix begins in a withdrawn document. */
  private readonly deadPlaces: Uint32Array | undefined;
  /** Tokens that the suffixes on both sides of the last bound have in common with what was looked for. */
  private before = 0;
  private after = 0;

  /** @param dead indices of withdrawn documents, ascending */
  constructor(
    readonly shard: Shard,
    readonly dead: readonly number[] = [],
  ) {
    const { starts } = shard;
    this.deadTokens = dead.reduce((sum, at) => sum + (starts[at + 1] ?? 0) - (starts[at] ?? 0), 0);
    this.deadPlaces = dead.length === 0 ? undefined : placesIn(shard, dead);
  }

  /** The answer in this shard's symbols; for tokens that it does not have -1, which equals none. */
  symbolsOf(answer: ArrayLike<number>): Int32Array {
    const { alphabet } = this.shard;
    return Int32Array.from(answer, (token) => {
      const at = lastAtMost(alphabet, token);
      return alphabet[at] === token ? at + 1 : -1;
    });
  }

  /** How many symbols from `start`, before `end`, stand together in a document: one binary search. */
  longestMatch(symbols: Int32Array, start: number, end: number): number {
    const bucket = this.bucketOf(symbols[start] ?? 0);
    if (bucket.from === bucket.to) return 0;
    const place = this.bound(symbols, { start, end, isUpper: false });
    if (this.deadPlaces === undefined) return Math.max(this.before, this.after);
    const common = (at: number) => this.commonPrefix(symbols, { start, end, place: at });
    const left = this.liveBefore(place, bucket.from);
    const right = this.liveFrom(place, bucket.to);
    return Math.max(left < bucket.from ? 0 : common(left), right >= bucket.to ? 0 : common(right));
  }

  /** All suffixes that begin with the symbols [start, end). */
  rangeOf(symbols: Int32Array, start: number, end: number): PlaceRange {
    const from = this.bound(symbols, { start, end, isUpper: false });
    return { from, to: this.bound(symbols, { start, end, isUpper: true }) };
  }

  /** Suffixes in the range that begin in a live document. */
  countLive({ from, to }: PlaceRange): number {
    let count = to - from;
    for (let at = from; this.deadPlaces !== undefined && at < to; at = (at | 31) + 1) {
      count -= bitCount(maskOf(this.deadPlaces[at >>> 5] ?? 0, at, to));
    }
    return count;
  }

  /** Indices of the live documents that suffixes of the range begin in, each once. */
  documentsIn({ from, to }: PlaceRange): Set<number> {
    const documents = new Set<number>();
    const { order, starts } = this.shard;
    for (let place = this.liveFrom(from, to); place < to; place = this.liveFrom(place + 1, to)) {
      documents.add(lastAtMost(starts, order[place] ?? 0));
    }
    return documents;
  }

  private bucketOf(symbol: number): PlaceRange {
    if (symbol < 1) return { from: 0, to: 0 };
    return { from: this.shard.firsts[symbol] ?? 0, to: this.shard.firsts[symbol + 1] ?? 0 };
  }

  /**
   * First place whose suffix is not smaller than the symbols [start, end), or, with `isUpper`, is greater and does
   * not begin with them. What both sides have in common with the symbols is not compared again, so a search reads
   * about log2(suffixes with the first symbol) + end − start symbols.
   */
  private bound(
    symbols: Int32Array,
    { start, end, isUpper }: { start: number; end: number; isUpper: boolean },
  ): number {
    const { text, order } = this.shard;
    const { from, to } = this.bucketOf(symbols[start] ?? 0);
    const length = end - start;
    let [low, high] = [from, to];
    let [before, after] = [1, 1];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const suffix = order[middle] ?? 0;
      let common = Math.min(before, after);
      // The border at the end of each document equals no symbol of an answer.
      while (common < length && text[suffix + common] === symbols[start + common]) common++;
      const isSmaller =
        common === length ? isUpper : (text[suffix + common] ?? 0) < (symbols[start + common] ?? 0);
      if (isSmaller) {
        low = middle + 1;
        before = common;
      } else {
        high = middle;
        after = common;
      }
    }
    this.before = before;
    this.after = after;
    return low;
  }

  private commonPrefix(
    symbols: Int32Array,
    { start, end, place }: { start: number; end: number; place: number },
  ): number {
    const { text, order } = this.shard;
    const suffix = order[place] ?? 0;
    let length = 0;
    while (start + length < end && text[suffix + length] === symbols[start + length]) length++;
    return length;
  }

  /** The first live place from `place` on; `to` where there is none before it. 32 places a step. */
  private liveFrom(place: number, to: number): number {
    if (this.deadPlaces === undefined) return place;
    for (let at = place; at < to; at = (at | 31) + 1) {
      const live = ~(this.deadPlaces[at >>> 5] ?? 0) & (-1 << (at & 31));
      if (live !== 0) return Math.min(to, (at & ~31) + 31 - Math.clz32(live & -live));
    }
    return to;
  }

  /** The last live place before `place`; less than `from` where there is none. */
  private liveBefore(place: number, from: number): number {
    for (let at = place - 1; at >= from; at = (at & ~31) - 1) {
      const live = ~(this.deadPlaces?.[at >>> 5] ?? 0) & (-1 >>> (31 - (at & 31)));
      if (live !== 0) return (at & ~31) + 31 - Math.clz32(live);
    }
    return from - 1;
  }
}

/** O(suffixes), at each withdrawal and opening; reads stay cheap however much of a run of suffixes is dead. */
function placesIn({ text, order, starts }: Shard, dead: readonly number[]): Uint32Array {
  const words = (text.length + 31) >>> 5;
  const positions = new Uint32Array(words);
  const mark = (bits: Uint32Array, at: number) => {
    bits[at >>> 5] = (bits[at >>> 5] ?? 0) | (1 << (at & 31));
  };
  for (const document of dead) {
    const end = starts[document + 1] ?? 0;
    for (let at = starts[document] ?? 0; at < end; at++) mark(positions, at);
  }
  const places = new Uint32Array(words);
  for (let place = 0; place < order.length; place++) {
    const at = order[place] ?? 0;
    if (((positions[at >>> 5] ?? 0) >>> (at & 31)) & 1) mark(places, place);
  }
  return places;
}

/** The bits of the word that holds `at` for places from `at` and before `to`. */
function maskOf(word: number, at: number, to: number): number {
  const rest = to - (at & ~31);
  return word & (-1 << (at & 31)) & (rest < 32 ? ~(-1 << rest) : -1);
}

function bitCount(word: number): number {
  let count = 0;
  for (let rest = word; rest !== 0; rest &= rest - 1) count++;
  return count;
}
