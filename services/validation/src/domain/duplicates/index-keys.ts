import { anchorKeys, type TextFeatures } from './features.js';
import { bandKeys, shingles, signature } from './one-permutation-hash.js';
import type { TermStatistics } from './term-statistics.js';

/** What a record is found by in either index. */
export interface IndexKeys {
  /** Near copies: one for each band of the MinHash signature. */
  readonly bands: Int32Array;
  /** Light paraphrase: rare pairs of words. */
  readonly anchors: Int32Array;
}

export const indexKeys = (features: TextFeatures, statistics: TermStatistics): IndexKeys => ({
  bands: bandKeys(signature(shingles(features.sequence))),
  anchors: anchorKeys(features, statistics),
});

/** Earliest records that one key leads to at most: a key that very many share says little. */
export const POSTINGS_MAX = 64;
