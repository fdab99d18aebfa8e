import { isFunctionWord } from '../text/function-words.js';
import { combine32, hashWord, toUnit } from '../text/hashing.js';
import type { TermStatistics } from './term-statistics.js';

/** Pairs that a text is found by. */
export const ANCHORS = 12;

/** A text as the indexes see it, before any statistics. */
export interface TextFeatures {
  /** In reading order, singular and plural alike. */
  readonly sequence: Int32Array;
  /** Distinct words, sorted. */
  readonly words: Int32Array;
  /** For each of `words`: 1 where it is a function word. */
  readonly grammar: Uint8Array;
  /** Distinct unordered pairs of neighbouring content words, sorted by hash, with their two words. */
  readonly pairs: readonly WordPair[];
}

export interface WordPair {
  readonly hash: number;
  readonly first: number;
  readonly second: number;
}

/** Light stemming: paraphrase changes number more than anything else. */
const stem = (word: string): string =>
  word.length > 3 && word.endsWith('s') && !word.endsWith('ss') ? word.slice(0, -1) : word;

export function featuresOf(words: readonly string[]): TextFeatures {
  const sequence = new Int32Array(words.length);
  const grammar = new Map<number, boolean>();
  const pairs = new Map<number, WordPair>();
  let previous: number | undefined;
  for (const [at, word] of words.entries()) {
    const hash = hashWord(stem(word));
    sequence[at] = hash;
    const functional = isFunctionWord(word);
    grammar.set(hash, functional);
    if (functional) continue;
    if (previous !== undefined && previous !== hash) {
      const [first, second] = previous < hash ? [previous, hash] : [hash, previous];
      const pair = combine32(first, second);
      pairs.set(pair, { hash: pair, first, second });
    }
    previous = hash;
  }
  const distinct = Int32Array.from(grammar.keys()).sort();
  return {
    sequence,
    words: distinct,
    grammar: Uint8Array.from(distinct, (hash) => (grammar.get(hash) ? 1 : 0)),
    pairs: [...pairs.values()].sort((a, b) => a.hash - b.hash),
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
    pairs: Int32Array.from(features.pairs, ({ hash }) => hash),
    pairWeights: Float64Array.from(features.pairs, (pair) => pairWeight(pair, statistics)),
    boilerplateWeight: statistics.boilerplateWeight,
  };
}

/** A pair is as rare as its more common word at least. */
const pairWeight = ({ first, second }: WordPair, statistics: TermStatistics): number =>
  Math.min(statistics.weight(first, false), statistics.weight(second, false));

/**
 * The pairs that a text is found by: a weighted sample without replacement in which two texts that share
 * most of their weight share most of the sample, wherever clauses moved (bottom-k sketch with exponential
 * ranks: Cohen, Kaplan: Summarizing data using bottom-k sketches, PODC 2007).
 */
export function anchorKeys(features: TextFeatures, statistics: TermStatistics): Int32Array {
  const candidates =
    features.pairs.length > 0
      ? features.pairs.map((pair) => ({ hash: pair.hash, weight: pairWeight(pair, statistics) }))
      : Array.from(features.words, (hash) => ({ hash, weight: statistics.weight(hash, false) }));
  const ranked = candidates.map(({ hash, weight }) => ({
    hash,
    rank: -Math.log(toUnit(combine32(hash, 0x51ed270b))) / weight,
  }));
  ranked.sort((a, b) => a.rank - b.rank || a.hash - b.hash);
  return Int32Array.from(ranked.slice(0, ANCHORS), ({ hash }) => hash);
}
