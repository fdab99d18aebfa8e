/** Finaliser of MurmurHash3 (Appleby, public domain): every input bit reaches every output bit. */
export function mix32(value: number): number {
  let h = value;
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** Order matters: `combine32(a, b)` and `combine32(b, a)` differ. */
export const combine32 = (a: number, b: number): number =>
  mix32(Math.imul(a, 0x9e3779b1) ^ (Math.imul(b, 0xcc9e2d51) + 0x7f4a7c15));

/** FNV-1a over UTF-16 code units, mixed. */
export function hashWord(word: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < word.length; i++) h = Math.imul(h ^ word.charCodeAt(i), 0x01000193);
  return mix32(h);
}

/** A hash as a number in (0, 1), for sampling: never 0, whose logarithm is infinite. */
export const toUnit = (hash: number): number => ((hash >>> 0) + 0.5) / 2 ** 32;
