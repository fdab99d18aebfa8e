import { byteAlphabet } from './byte-alphabet.js';

/** What training yields: the vocabulary in id order (without special tokens) and the merges in rank order. */
export interface BytePairs {
  readonly tokens: readonly string[];
  readonly merges: readonly (readonly [string, string])[];
}

interface Word {
  symbols: number[];
  readonly count: number;
}

/** The GPT-2 pattern; digits have been set apart before it, as `Digits(individual_digits)` does. */
const pieces = /'(?:s|t|re|ve|m|ll|d)| ?\p{L}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;
const pairBase = 65_536;

/** Splits text into the pieces that no merge may cross. */
export function splitPieces(text: string): string[] {
  const found: string[] = [];
  for (const run of text.split(/(\p{Nd})/u)) {
    if (/^\p{Nd}$/u.test(run)) found.push(run);
    else found.push(...(run.match(pieces) ?? []));
  }
  return found;
}

/**
 * Byte-level BPE (Sennrich et al. 2016): merges the most frequent neighbouring pair until the vocabulary is
 * full. Ties go to the pair of the lower ids, so the same text gives the same tokenizer everywhere.
 */
export function trainBytePairs(texts: Iterable<string>, vocabularySize: number): BytePairs {
  const alphabet = byteAlphabet();
  const tokens = [...alphabet];
  const merges: [string, string][] = [];
  const words = countWords(texts);
  const pairs = new Map<number, number>();
  const homes = new Map<number, Set<Word>>();
  const add = (word: Word, sign: 1 | -1): void => {
    for (let at = 0; at + 1 < word.symbols.length; at++) {
      const pair = (word.symbols[at] ?? 0) * pairBase + (word.symbols[at + 1] ?? 0);
      pairs.set(pair, (pairs.get(pair) ?? 0) + sign * word.count);
      const home = homes.get(pair);
      if (home) home.add(word);
      else homes.set(pair, new Set([word]));
    }
  };
  for (const word of words) add(word, 1);
  while (tokens.length < vocabularySize) {
    const best = mostFrequent(pairs);
    if (best === undefined) break;
    const [left, right] = [Math.floor(best / pairBase), best % pairBase];
    const merged = tokens.length;
    const names: [string, string] = [tokens[left] ?? '', tokens[right] ?? ''];
    merges.push(names);
    tokens.push(names[0] + names[1]);
    for (const word of homes.get(best) ?? []) {
      add(word, -1);
      word.symbols = mergePair(word.symbols, left, right, merged);
      add(word, 1);
    }
    pairs.delete(best);
    homes.delete(best);
  }
  return { tokens, merges };
}

function countWords(texts: Iterable<string>): Word[] {
  const counts = new Map<string, number>();
  for (const text of texts) {
    for (const piece of splitPieces(text)) counts.set(piece, (counts.get(piece) ?? 0) + 1);
  }
  const encoder = new TextEncoder();
  return [...counts].map(([piece, count]) => ({ symbols: [...encoder.encode(piece)], count }));
}

/** A merge that happens once saves nothing worth a vocabulary entry. */
const rarest = 2;

function mostFrequent(pairs: ReadonlyMap<number, number>): number | undefined {
  let best: number | undefined;
  let most = rarest - 1;
  for (const [pair, count] of pairs) {
    if (count > most || (count === most && best !== undefined && pair < best)) {
      best = pair;
      most = count;
    }
  }
  return best;
}

function mergePair(symbols: readonly number[], left: number, right: number, merged: number): number[] {
  const result: number[] = [];
  for (let at = 0; at < symbols.length; at++) {
    if (symbols[at] === left && symbols[at + 1] === right) {
      result.push(merged);
      at++;
    } else result.push(symbols[at] ?? 0);
  }
  return result;
}
