/** The tokens that may come next, one bit each; token t is bit t mod 32 of word t div 32. */
export interface TokenMask {
  readonly words: Uint32Array;
  /** How many bits are set. */
  readonly count: number;
}

export function emptyMask(vocabSize: number): Uint32Array {
  return new Uint32Array(Math.ceil(vocabSize / 32));
}

export function allow(words: Uint32Array, token: number): void {
  const word = token >>> 5;
  words[word] = (words[word] ?? 0) | (1 << (token & 31));
}

/** Adds the bits of other words. */
export function include(words: Uint32Array, others: Uint32Array): void {
  for (let index = 0; index < words.length; index += 1) {
    words[index] = (words[index] ?? 0) | (others[index] ?? 0);
  }
}

export function forbid(words: Uint32Array, token: number): void {
  const word = token >>> 5;
  words[word] = (words[word] ?? 0) & ~(1 << (token & 31));
}

export function allows({ words }: TokenMask, token: number): boolean {
  return (((words[token >>> 5] ?? 0) >>> (token & 31)) & 1) === 1;
}

export function countedMask(words: Uint32Array): TokenMask {
  let count = 0;
  for (const word of words) count += bitCount(word);
  return { words, count };
}

/** The logits of the tokens in the mask; minus infinity elsewhere. */
export function maskInto(target: Float32Array, logits: Float32Array, { words, count }: TokenMask): void {
  if (count * 2 < logits.length) {
    target.fill(Number.NEGATIVE_INFINITY);
    eachBit(words, 0, logits.length, (token) => {
      target[token] = logits[token] ?? Number.NaN;
    });
    return;
  }
  target.set(logits);
  eachBit(words, -1, logits.length, (token) => {
    target[token] = Number.NEGATIVE_INFINITY;
  });
}

/** Calls back with each bit that is set after `flip` (0 or -1) has been combined with its word. */
function eachBit(words: Uint32Array, flip: 0 | -1, length: number, found: (bit: number) => void): void {
  for (let index = 0; index < words.length; index += 1) {
    let word = (words[index] ?? 0) ^ flip;
    while (word !== 0) {
      const bit = 31 - Math.clz32(word & -word);
      word &= word - 1;
      const position = index * 32 + bit;
      if (position < length) found(position);
    }
  }
}

/** Set bits of 32 (Warren, Hacker's Delight, 5-2). */
function bitCount(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
