/**
 * Words of any script; scripts written without spaces give one word per character. Symbols that carry
 * meaning in formulas, prices and code are words of their own, so that `2 + 3` and `2 × 3` stay apart; a
 * minus is one before a number, spaced or not, and a hyphen elsewhere.
 */
const WORD =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]|[\p{L}\p{M}\p{N}]+|[\p{Sm}\p{Sc}*/%]|-(?=\s*\d)/gu;

/** Apostrophes and soft hyphens inside a word do not make it two: `don’t`, `dont` and `don't` are one. */
const INVISIBLE = /[\u00ad\u200b-\u200d\u2060\ufeff'’ʼ]/g;

/** What two texts have in common once case, width, spacing and punctuation are taken away (NFKC, lower case). */
export function wordsOf(text: string): string[] {
  return text.normalize('NFKC').toLowerCase().replace(INVISIBLE, '').match(WORD) ?? [];
}

/** Two texts with the same normalised text are exact duplicates. Normalising it again changes nothing. */
export const normalisedText = (text: string): string => wordsOf(text).join(' ');
