import { isFunctionWord } from '../text/function-words.js';
import { combine32, hashWord, toUnit } from '../text/hashing.js';
import type { TermStatistics } from './term-statistics.js';

/** Pairs that a text is found by. */
const ANCHORS = 12;

/** A text as the indexes see it, before any statistics. Lists named together are parallel. */
export interface TextFeatures {
  /** In reading order, singular and plural alike. */
  readonly sequence: Int32Array;
  /** Distinct words, sorted; `grammar` is 1 where the word is a function word. */
  readonly words: Int32Array;
  readonly grammar: Uint8Array;
  /** Distinct unordered pairs of neighbouring content words, sorted, and the two words of each. */
  readonly pairs: Int32Array;
  readonly pairFirst: Int32Array;
  readonly pairSecond: Int32Array;
}

/** Light stemming: paraphrase changes number more than anything else. */
const stem = (word: string): string =>
  word.length > 3 && word.endsWith('s') && !word.endsWith('ss') ? word.slice(0, -1) : word;

/** Hashes of words met before: texts of a Datanet use the same ones over and over. */
export class Vocabulary {
  private static readonly WORDS_MAX = 100_000;
  private readonly codes = new Map<string, number>();

  /** Twice the hash of the word's stem, plus 1 for a function word. */
  codeOf(word: string): number {
    const known = this.codes.get(word);
    if (known !== undefined) return known;
    const code = hashWord(stem(word)) * 2 + (isFunctionWord(word) ? 1 : 0);
    if (this.codes.size >= Vocabulary.WORDS_MAX) this.codes.clear();
    this.codes.set(word, code);
    return code;
  }
}

/** The distinct words alone, for counting. */
export function distinctWords(words: readonly string[], vocabulary: Vocabulary): Set<number> {
  const found = new Set<number>();
  for (const word of words) {
    const code = vocabulary.codeOf(word);
    found.add((code - (code & 1)) / 2);
  }
  return found;
}

export function featuresOf(words: readonly string[], vocabulary = new Vocabulary()): TextFeatures {
  const sequence = new Int32Array(words.length);
  const grammar = new Map<number, number>();
  const pairs = new Map<number, readonly [number, number]>();
  let previous: number | undefined;
  for (let at = 0; at < words.length; at++) {
    const code = vocabulary.codeOf(words[at] ?? '');
    const functional = code & 1;
    const hash = (code - functional) / 2;
    sequence[at] = hash;
    grammar.set(hash, functional);
    if (functional === 1) continue;
    if (previous !== undefined && previous !== hash) {
      const first = Math.min(previous, hash);
      const second = Math.max(previous, hash);
      const pair = combine32(first, second);
      if (!pairs.has(pair)) pairs.set(pair, [first, second]);
    }
    previous = hash;
  }
  const distinct = Int32Array.from(grammar.keys()).sort();
  const sorted = Int32Array.from(pairs.keys()).sort();
  return {
    sequence,
    words: distinct,
    grammar: Uint8Array.from(distinct, (hash) => grammar.get(hash) ?? 0),
    pairs: sorted,
    pairFirst: sorted.map((pair) => pairs.get(pair)?.[0] ?? 0),
    pairSecond: sorted.map((pair) => pairs.get(pair)?.[1] ?? 0),
  };
}

/** A text's words and pairs with what they weigh in a Datanet. Arrays are parallel and sorted by hash. */
export interface WeightedFeatures {
  readonly words: Int32Array;
  readonly wordWeights: Float64Array;
  readonly pairs: Int32Array;
  readonly pairWeights: Float64Array;
  /** Words that weigh more than this are distinctive; the others are boilerplate. */
  readonly boilerplateWeight: number;
}

export function weigh(features: TextFeatures, statistics: TermStatistics): WeightedFeatures {
  const { words, grammar } = features;
  const wordWeights = new Float64Array(words.length);
  for (let i = 0; i < words.length; i++) {
    wordWeights[i] = statistics.weight(words[i] ?? 0, grammar[i] === 1);
  }
  return {
    words,
    wordWeights,
    pairs: features.pairs,
    pairWeights: pairWeightsOf(features, statistics),
    boilerplateWeight: statistics.boilerplateWeight,
  };
}

/** A pair is as rare as its more common word at least. */
function pairWeightsOf(
  { pairs, pairFirst, pairSecond }: TextFeatures,
  statistics: TermStatistics,
): Float64Array {
  const weights = new Float64Array(pairs.length);
  for (let i = 0; i < pairs.length; i++) {
    weights[i] = Math.min(
      statistics.weight(pairFirst[i] ?? 0, false),
      statistics.weight(pairSecond[i] ?? 0, false),
    );
  }
  return weights;
}

/**
 * The pairs that a text is found by: a weighted sample without replacement in which two texts that share
 * most of their weight share most of the sample, wherever clauses moved (bottom-k sketch with exponential
 * ranks: Cohen, Kaplan: Summarizing data using bottom-k sketches, PODC 2007).
 */
export function anchorKeys(features: TextFeatures, statistics: TermStatistics): Int32Array {
  const paired = features.pairs.length > 0;
  const hashes = paired ? features.pairs : features.words;
  const weights = paired
    ? pairWeightsOf(features, statistics)
    : Float64Array.from(hashes, (hash) => statistics.weight(hash, false));
  const ranked = Array.from(hashes, (hash, i) => ({
    hash,
    rank: -Math.log(toUnit(combine32(hash, 0x51ed270b))) / (weights[i] ?? 1),
  }));
  ranked.sort((a, b) => a.rank - b.rank || a.hash - b.hash);
  return Int32Array.from(ranked.slice(0, ANCHORS), ({ hash }) => hash);
}
