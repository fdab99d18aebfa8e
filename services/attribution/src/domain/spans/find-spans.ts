import type { LiveShard, PlaceRange } from './live-shard.js';
import { contentOf } from './shard.js';

/** Where spans of an answer may begin and end. */
export interface AnswerBounds {
  /** 1 for each token at which a span may begin: the first of a word. */
  readonly begins: ArrayLike<number>;
  /** 1 for each token that may be a span's last: the last of a word. */
  readonly ends: ArrayLike<number>;
  /** 1 for each token that must be the last of any span that has it: the end of a sentence or line. */
  readonly cuts: ArrayLike<number>;
}

export interface SpanOptions {
  /** Absent: a span may begin and end at every token. */
  readonly bounds?: AnswerBounds;
  /** Who is one party among owners, by their numbers. Absent: everybody is his own. */
  readonly partyOf?: (owner: number) => string;
  /** Shorter matches are chance. */
  readonly tokensMin?: number;
  /** Expected number of chance occurrences, N · Π p(token), from which a match is no evidence. */
  readonly chanceMax?: number;
  /** A span in more documents is boilerplate. */
  readonly documentsMax?: number;
  /** So is one that occurs more often: bounds the work of one span, however often a document repeats it. */
  readonly occurrencesMax?: number;
  /** What more independent parties hold is common knowledge. */
  readonly partiesMax?: number;
}

type SpanLimits = Required<Omit<SpanOptions, 'bounds' | 'partyOf'>>;

const defaultSpanOptions: SpanLimits = {
  tokensMin: 4,
  chanceMax: 1e-3,
  documentsMax: 10_000,
  occurrencesMax: 20_000,
  partiesMax: 8,
};

/** A run of answer tokens that stands word for word in documents, and in no longer run of the answer that does. */
export interface TokenSpan {
  readonly start: number;
  /** One past the last token. */
  readonly end: number;
  /** Only what is owned earns. */
  readonly standing: 'owned' | 'common' | 'boilerplate';
  /** How often it stands in documents that are not withdrawn. */
  readonly occurrences: number;
  /** −log of the expected number of chance occurrences under unigrams, nats. */
  readonly significance: number;
  /** All records that hold it, ascending; none of boilerplate. */
  readonly records: readonly number[];
  /** Of each distinct content the record registered first, ascending, copies aside: whose content it is. */
  readonly origins: readonly number[];
  /** Parties of the origins, each once, in order. */
  readonly parties: readonly string[];
}

/** What the spans of an answer are looked for in. */
export interface Corpus {
  readonly shards: readonly LiveShard[];
  /** log of how often each token stands in live documents. */
  readonly logCounts: ReadonlyMap<number, number>;
  /** log of the number of tokens in live documents. */
  readonly logTokens: number;
}

/**
 * Every maximal span, after OLMoTrace (Liu et al. 2025, Algorithm 1): from each beginning of a word the longest match,
 * cut at delimiters and back to the end of a word, without those inside another; improbable under unigrams. Unlike a
 * display, money needs every owner, so matches are counted and listed whole, never sampled.
 *
 * Work: for n tokens and s shards of N tokens at most n·s searches of log2 N ≤ 26 probes for lengths, as many twice
 * for ranges, and `occurrencesMax` matches for each of at most n spans.
 */
export function findSpans(corpus: Corpus, answer: ArrayLike<number>, options: SpanOptions = {}): TokenSpan[] {
  const settings = { ...defaultSpanOptions, ...options };
  const searches = corpus.shards.map((shard) => ({ shard, symbols: shard.symbolsOf(answer) }));
  const spans: TokenSpan[] = [];
  let furthest = 0;
  for (const { start, limit } of beginnings(answer.length, options.bounds)) {
    if (limit <= furthest) continue;
    const end = wordEnd(start, start + longest(searches, start, limit), options.bounds);
    if (end <= furthest || end - start < settings.tokensMin) continue;
    furthest = end;
    const significance = -logChance(corpus, answer, { start, end });
    if (significance <= -Math.log(settings.chanceMax)) continue;
    spans.push({ start, end, significance, ...holders(searches, { start, end }, settings) });
  }
  return spans;
}

interface Search {
  readonly shard: LiveShard;
  readonly symbols: Int32Array;
}

interface Run {
  readonly start: number;
  readonly end: number;
}

/** Tokens at which a span may begin, and where it has to end. */
function beginnings(length: number, bounds?: AnswerBounds): { start: number; limit: number }[] {
  const found: { start: number; limit: number }[] = [];
  let limit = length;
  for (let start = length - 1; start >= 0; start--) {
    if (bounds?.cuts[start] === 1) limit = start + 1;
    if (bounds === undefined || bounds.begins[start] === 1) found.push({ start, limit });
  }
  return found.reverse();
}

function wordEnd(start: number, end: number, bounds?: AnswerBounds): number {
  let at = end;
  while (bounds !== undefined && at > start && bounds.ends[at - 1] !== 1) at--;
  return at;
}

function longest(searches: readonly Search[], start: number, limit: number): number {
  let length = 0;
  for (const { shard, symbols } of searches) {
    if (start + length === limit) break;
    length = Math.max(length, shard.longestMatch(symbols, start, limit));
  }
  return length;
}

function logChance({ logCounts, logTokens }: Corpus, answer: ArrayLike<number>, { start, end }: Run): number {
  let sum = logTokens;
  for (let i = start; i < end; i++)
    sum += (logCounts.get(answer[i] ?? -1) ?? Number.NEGATIVE_INFINITY) - logTokens;
  return sum;
}

function holders(
  searches: readonly Search[],
  { start, end }: Run,
  options: SpanLimits & SpanOptions,
): Omit<TokenSpan, 'start' | 'end' | 'significance'> {
  const found = searches.map(({ shard, symbols }) => ({ shard, range: shard.rangeOf(symbols, start, end) }));
  const occurrences = found.reduce((sum, { shard, range }) => sum + shard.countLive(range), 0);
  const boilerplate = {
    standing: 'boilerplate',
    occurrences,
    records: [],
    origins: [],
    parties: [],
  } as const;
  if (occurrences > options.occurrencesMax) return boilerplate;
  const documents = found.flatMap(documentsOf);
  if (documents.length > options.documentsMax) return boilerplate;
  const origins = earliest(documents);
  const partyOf = options.partyOf ?? String;
  const parties = [...new Set(origins.map(({ owner }) => partyOf(owner)))].sort();
  return {
    standing: parties.length > options.partiesMax ? 'common' : 'owned',
    occurrences,
    records: numbersOf(documents),
    origins: numbersOf(origins),
    parties,
  };
}

interface Holder {
  readonly record: number;
  readonly owner: number;
  readonly registered: number;
  readonly isCopy: boolean;
  readonly content: string;
}

function documentsOf({ shard, range }: { shard: LiveShard; range: PlaceRange }): Holder[] {
  const { records, owners, registered, copies } = shard.shard;
  return Array.from(shard.documentsIn(range), (at) => ({
    record: records[at] ?? 0,
    owner: owners[at] ?? 0,
    registered: registered[at] ?? 0,
    isCopy: copies[at] === 1,
    content: contentOf(shard.shard, at),
  }));
}

/** Of each content the document registered first, and of copies none where there is something else. */
function earliest(documents: readonly Holder[]): Holder[] {
  const originals = documents.filter(({ isCopy }) => !isCopy);
  const first = new Map<string, Holder>();
  for (const document of originals.length > 0 ? originals : documents) {
    const known = first.get(document.content);
    if (known === undefined || isEarlier(document, known)) first.set(document.content, document);
  }
  return [...first.values()];
}

const isEarlier = (a: Holder, b: Holder) =>
  a.registered === b.registered ? a.record < b.record : a.registered < b.registered;

const numbersOf = (documents: readonly Holder[]) =>
  documents.map(({ record }) => record).sort((a, b) => a - b);
