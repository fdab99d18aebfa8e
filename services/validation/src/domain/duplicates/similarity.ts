import type { WeightedFeatures } from './features.js';

/** How much of an earlier text a newer one repeats, by what its words weigh. All in 0…1. */
export interface Similarity {
  /** Shared over united weight of the words, in any order: keeps a short text apart from a long one that holds it. */
  readonly words: number;
  /** Shared over the earlier text's squared weights: which of its rarer words came along. */
  readonly containment: number;
  /** The same over neighbouring pairs of content words: which of its phrases came along. */
  readonly phrases: number;
  /** Shared over the earlier text's distinctive words alone; 1 for a text that has none. */
  readonly distinctive: number;
  /** The earlier text is boilerplate from end to end. */
  readonly allBoilerplate: boolean;
}

/** What each measure must reach at least. */
export type SimilarityLimits = Readonly<Record<'words' | 'containment' | 'phrases' | 'distinctive', number>>;

/**
 * Either is enough. Chosen on MedQuAD and light paraphrases of it: the service's README says what they find
 * and what they miss. The first is for large Datanets, where the words that a paraphrase replaces are known
 * to be common; the second for small ones, where every word weighs about the same.
 */
const RULES: readonly SimilarityLimits[] = [
  { words: 0.45, containment: 0.85, phrases: 0.3, distinctive: 0.8 },
  { words: 0.62, containment: 0.75, phrases: 0.5, distinctive: 0.78 },
];

/** Where there is nothing but boilerplate to judge by, almost all of it must be the same. */
const BOILERPLATE_WORDS_MIN = 0.9;

/** True when the newer text is the earlier one in a few other words. */
export const isNearDuplicate = (found: Similarity): boolean =>
  (!found.allBoilerplate || found.words >= BOILERPLATE_WORDS_MIN) &&
  RULES.some(
    (limits) =>
      found.words >= limits.words &&
      found.containment >= limits.containment &&
      found.phrases >= limits.phrases &&
      found.distinctive >= limits.distinctive,
  );

/** Phrases are compared only where the words leave a chance: 0 otherwise. */
export function compare(newer: WeightedFeatures, earlier: WeightedFeatures): Similarity {
  const words = overlap(newer.words, earlier.words, earlier.wordWeights, earlier.boilerplateWeight);
  const found = {
    words: ratio(words.shared, sum(newer.wordWeights) + words.whole - words.shared),
    containment: ratio(words.sharedSquares, words.wholeSquares),
    distinctive: words.wholeRare === 0 ? 1 : ratio(words.sharedRare, words.wholeRare),
    allBoilerplate: words.wholeRare === 0,
  };
  const hopeless = RULES.every(
    (limits) => found.words < limits.words || found.containment < limits.containment,
  );
  return { ...found, phrases: hopeless ? 0 : phrasesOf(newer, earlier) };
}

function phrasesOf(newer: WeightedFeatures, earlier: WeightedFeatures): number {
  const pairs = overlap(newer.pairs, earlier.pairs, earlier.pairWeights, earlier.boilerplateWeight);
  // A text of one word has no phrases to miss.
  return pairs.wholeSquares === 0 ? 1 : ratio(pairs.sharedSquares, pairs.wholeSquares);
}

interface Overlap {
  shared: number;
  whole: number;
  sharedSquares: number;
  wholeSquares: number;
  sharedRare: number;
  wholeRare: number;
}

/** One pass over two sorted, distinct lists. `weights` belong to `earlier`. */
function overlap(newer: Int32Array, earlier: Int32Array, weights: Float64Array, rareAbove: number): Overlap {
  const sums = { shared: 0, whole: 0, sharedSquares: 0, wholeSquares: 0, sharedRare: 0, wholeRare: 0 };
  let i = 0;
  for (let j = 0; j < earlier.length; j++) {
    const hash = earlier[j] ?? 0;
    const weight = weights[j] ?? 0;
    const square = weight * weight;
    const rare = weight > rareAbove ? weight : 0;
    sums.whole += weight;
    sums.wholeSquares += square;
    sums.wholeRare += rare;
    while (i < newer.length && (newer[i] ?? 0) < hash) i++;
    if (i < newer.length && newer[i] === hash) {
      sums.shared += weight;
      sums.sharedSquares += square;
      sums.sharedRare += rare;
    }
  }
  return sums;
}

const ratio = (part: number, whole: number): number => (whole > 0 ? Math.min(1, part / whole) : 0);

function sum(values: Float64Array): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
