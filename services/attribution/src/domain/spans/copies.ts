import { type SpanDocument, tokensIn } from './shard.js';

/** Runs of so many tokens are compared: long enough that ordinary language seldom repeats one. */
const WINDOW = 8;

/** A document of which earlier ones have so much, in whatever pieces, is a copy. */
const COPIED_SHARE_MIN = 0.8;

/** Tokens up to which copies are looked for: the table of runs takes 64 MB. */
const COPIES_TOKENS_MAX = 1 << 23;

/**
 * Marks the documents that are made for the most part of earlier ones: copied with small changes, or put together from
 * several. Exact copies are known by their content's hash already. By registration, so who comes first is never a copy;
 * runs that only copies have do not make a copy of what repeats them, or small changes would add up.
 *
 * O(tokens). Runs are compared by 32-bit hashes: with 2^23 runs one in 500 passes for one that it is not.
 */
export function withCopiesMarked(documents: readonly SpanDocument[]): SpanDocument[] {
  if (tokensIn(documents) > COPIES_TOKENS_MAX) return [...documents];
  const marked = [...documents];
  const runs = new RunSet(tokensIn(documents));
  const byRegistration = Array.from(documents.keys()).sort((a, b) => compare(documents[a], documents[b]));
  for (const at of byRegistration) {
    const document = documents[at];
    if (document === undefined) continue;
    const hashes = runHashes(document.tokens);
    const isCopy =
      knownTokens(hashes, runs) >= COPIED_SHARE_MIN * document.tokens.length && hashes.length > 0;
    if (isCopy) marked[at] = { ...document, isCopy };
    else for (const hash of hashes) runs.add(hash);
  }
  return marked;
}

const compare = (a?: SpanDocument, b?: SpanDocument) =>
  (a?.registered ?? 0) - (b?.registered ?? 0) || (a?.record ?? 0) - (b?.record ?? 0);

/** Tokens that stand in a run that is known. */
function knownTokens(hashes: Uint32Array, runs: RunSet): number {
  let count = 0;
  let until = 0;
  for (const [at, hash] of hashes.entries()) {
    if (!runs.has(hash)) continue;
    count += at + WINDOW - Math.max(at, until);
    until = at + WINDOW;
  }
  return count;
}

/** Of the runs from each token; none of documents that are shorter than a run. */
function runHashes(tokens: ArrayLike<number>): Uint32Array {
  const hashes = new Uint32Array(Math.max(0, tokens.length - WINDOW + 1));
  for (let at = 0; at < hashes.length; at++) {
    let hash = 0;
    for (let i = at; i < at + WINDOW; i++) {
      hash = Math.imul(hash ^ (tokens[i] ?? 0), 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    // 0 marks free places of the set.
    hashes[at] = hash || 1;
  }
  return hashes;
}

/** Hashes in a table with open addressing, at most half full. */
class RunSet {
  private readonly table: Uint32Array;

  constructor(hashesMax: number) {
    this.table = new Uint32Array(2 ** Math.ceil(Math.log2(2 * hashesMax + 2)));
  }

  has(hash: number): boolean {
    return this.table[this.placeOf(hash)] === hash;
  }

  add(hash: number): void {
    this.table[this.placeOf(hash)] = hash;
  }

  private placeOf(hash: number): number {
    const mask = this.table.length - 1;
    let place = hash & mask;
    while (this.table[place] !== 0 && this.table[place] !== hash) place = (place + 1) & mask;
    return place;
  }
}
