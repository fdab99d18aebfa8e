import { suffixArray } from './suffix-array.js';

/** A run of answer tokens that stands word for word in training completions. */
export interface TokenSpan {
  readonly start: number;
  /** One past the last token. */
  readonly end: number;
  /** Records that hold it, each once, in order. */
  readonly records: readonly number[];
}

export interface SpanOptions {
  /** Shorter matches are chance. */
  readonly tokensMin: number;
  /** Expected number of chance occurrences, N · Π p(token), above which a match is no evidence. */
  readonly chanceMax: number;
  /** A text in more records than this is common property: nobody is credited for it. */
  readonly recordsMax: number;
}

export const defaultSpanOptions: SpanOptions = { tokensMin: 4, chanceMax: 1e-3, recordsMax: 64 };

/** Separates records: no answer holds a negative token, so no match crosses a border. */
const BORDER = -1;

/**
 * Finds every maximal verbatim span of an answer in the training completions by a suffix array, after
 * OLMoTrace (Liu et al. 2025, Algorithm 1): the longest match from each position, sub-spans dropped,
 * improbable under unigrams. Unlike a display, money needs all owners, so no match is sampled away.
 */
export class SpanIndex {
  private readonly text: Int32Array;
  private readonly order: Int32Array;
  /** Start of each record in `text`. */
  private readonly starts: readonly number[];
  private readonly logUnigram: ReadonlyMap<number, number>;

  constructor(completions: readonly ArrayLike<number>[]) {
    const total = completions.reduce((sum, tokens) => sum + tokens.length + 1, 0);
    this.text = new Int32Array(total);
    const starts: number[] = [];
    let at = 0;
    for (const tokens of completions) {
      starts.push(at);
      for (let i = 0; i < tokens.length; i++) this.text[at++] = tokens[i] ?? BORDER;
      this.text[at++] = BORDER;
    }
    this.starts = starts;
    this.order = suffixArray(this.text);
    this.logUnigram = unigrams(this.text);
  }

  spansOf(answer: ArrayLike<number>, options: SpanOptions = defaultSpanOptions): TokenSpan[] {
    const spans: TokenSpan[] = [];
    let furthest = 0;
    for (let start = 0; start < answer.length; start++) {
      const length = this.longestMatch(answer, start);
      const end = start + length;
      if (end <= furthest || length < options.tokensMin) continue;
      furthest = end;
      if (this.logChance(answer, start, end) > Math.log(options.chanceMax)) continue;
      const records = this.recordsWith(answer, start, end);
      if (records.length <= options.recordsMax) spans.push({ start, end, records });
    }
    return spans;
  }

  /** Tokens from `start` that stand somewhere in the text. */
  private longestMatch(answer: ArrayLike<number>, start: number): number {
    const place = this.lowerBound(answer, start, answer.length);
    return Math.max(this.commonPrefix(answer, start, place - 1), this.commonPrefix(answer, start, place));
  }

  private recordsWith(answer: ArrayLike<number>, start: number, end: number): number[] {
    const records = new Set<number>();
    for (
      let place = this.lowerBound(answer, start, end);
      this.commonPrefix(answer, start, place) >= end - start;
      place++
    ) {
      records.add(this.recordAt(this.order[place] ?? 0));
    }
    return [...records].sort((a, b) => a - b);
  }

  /** First place in the order whose suffix is not smaller than `answer[start, end)`. */
  private lowerBound(answer: ArrayLike<number>, start: number, end: number): number {
    let [low, high] = [0, this.order.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.isSmaller(this.order[middle] ?? 0, answer, start, end)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private isSmaller(suffix: number, answer: ArrayLike<number>, start: number, end: number): boolean {
    for (let i = 0; start + i < end; i++) {
      const [here, there] = [this.text[suffix + i], answer[start + i] ?? BORDER];
      if (here === undefined || here < there) return true;
      if (here > there) return false;
    }
    return false;
  }

  private commonPrefix(answer: ArrayLike<number>, start: number, place: number): number {
    const suffix = this.order[place];
    if (suffix === undefined) return 0;
    let length = 0;
    while (start + length < answer.length && this.text[suffix + length] === answer[start + length]) length++;
    return length;
  }

  private logChance(answer: ArrayLike<number>, start: number, end: number): number {
    let sum = Math.log(this.text.length);
    for (let i = start; i < end; i++)
      sum += this.logUnigram.get(answer[i] ?? BORDER) ?? Number.NEGATIVE_INFINITY;
    return sum;
  }

  private recordAt(position: number): number {
    let [low, high] = [0, this.starts.length];
    while (low + 1 < high) {
      const middle = (low + high) >>> 1;
      if ((this.starts[middle] ?? 0) <= position) low = middle;
      else high = middle;
    }
    return low;
  }
}

function unigrams(text: Int32Array): Map<number, number> {
  const counts = new Map<number, number>();
  for (const token of text) counts.set(token, (counts.get(token) ?? 0) + 1);
  return new Map([...counts].map(([token, count]) => [token, Math.log(count / text.length)]));
}
