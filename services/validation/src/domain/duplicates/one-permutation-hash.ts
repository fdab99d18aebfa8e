import { combine32, mix32 } from '../text/hashing.js';

/** Words per shingle: long enough that unrelated texts share hardly any (FineWeb's setting). */
const SHINGLE_WORDS = 5;
const BINS_LOG2 = 7;
const BINS = 1 << BINS_LOG2;
const EMPTY = 0xffffffff;

/** FineWeb's banding: a pair of Jaccard 0.75 meets with probability 0.77, of 0.85 with 0.99. */
export const BANDS = 14;
const BAND_ROWS = 8;

/** Hashes of the distinct runs of {@link SHINGLE_WORDS} words; a shorter text is one shingle. */
export function shingles(wordHashes: Int32Array): Int32Array {
  const count = Math.max(1, wordHashes.length - SHINGLE_WORDS + 1);
  const found = new Set<number>();
  for (let start = 0; start < count; start++) {
    const end = Math.min(start + SHINGLE_WORDS, wordHashes.length);
    let hash = 0x2545f491;
    for (let at = start; at < end; at++) hash = combine32(hash, wordHashes[at] ?? 0);
    found.add(hash);
  }
  return Int32Array.from(found);
}

/**
 * MinHash in one pass: the first bits of a shingle's hash choose its bin, the smallest of the rest is kept
 * (Li, Owen, Zhang: One Permutation Hashing, NIPS 2012). An empty bin borrows from a bin that a hash of
 * its own number picks (optimal densification: Shrivastava, ICML 2017), so that equal bins estimate the
 * Jaccard similarity without bias for short texts too.
 */
export function signature(of: Int32Array): Uint32Array {
  const bins = new Uint32Array(BINS).fill(EMPTY);
  for (const hash of of) {
    const bin = hash >>> (32 - BINS_LOG2);
    const value = (hash << BINS_LOG2) >>> BINS_LOG2;
    if (value < (bins[bin] ?? EMPTY)) bins[bin] = value;
  }
  if (of.length === 0) return bins;
  const own = bins.slice();
  for (let bin = 0; bin < BINS; bin++) {
    if (own[bin] === EMPTY) bins[bin] = borrowed(own, bin);
  }
  return bins;
}

/** Ends because the caller has made sure that a bin is filled and the probes are random. */
function borrowed(own: Uint32Array, bin: number): number {
  for (let attempt = 1; ; attempt++) {
    const donor = combine32(bin + 1, attempt) >>> (32 - BINS_LOG2);
    const value = own[donor] ?? EMPTY;
    if (value !== EMPTY) return value;
  }
}

/** Share of equal bins: estimates Jaccard with a standard error of sqrt(J(1-J)/128). */
export function estimateJaccard(a: Uint32Array, b: Uint32Array): number {
  let equal = 0;
  for (let bin = 0; bin < BINS; bin++) if (a[bin] === b[bin]) equal++;
  return equal / BINS;
}

/** One key a band: two texts that share one have {@link BAND_ROWS} equal bins in a row. */
export function bandKeys(of: Uint32Array): Int32Array {
  const keys = new Int32Array(BANDS);
  for (let band = 0; band < BANDS; band++) {
    let key = mix32(band + 1);
    for (let row = 0; row < BAND_ROWS; row++) key = combine32(key, of[band * BAND_ROWS + row] ?? 0);
    keys[band] = key;
  }
  return keys;
}
