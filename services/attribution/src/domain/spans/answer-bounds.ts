import type { AnswerBounds } from './find-spans.js';

/** Where spans may begin and end in an answer, and where its tokens stand in its text. */
export interface AnswerPositions extends AnswerBounds {
  /** Unicode code points before each token; one more entry for the end. */
  readonly codePoints: Uint32Array;
}

const WORD = /[\p{L}\p{N}_]/u;
/** Scripts that put no spaces between words: every character counts as one. */
const SPACELESS = /[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Thai}\p{scx=Laoo}\p{scx=Khmr}\p{scx=Mymr}]/u;
/** Belongs to the character before it: marks, variation selectors, joiner, skin tones, tags of flags, Thai and Lao AM. */
const EXTENDS = /\p{M}|\u200c|\u200d|\u0e33|\u0eb3|\p{Emoji_Modifier}|[\u{e0020}-\u{e007f}]/u;
/** Binds the character after it: zero width joiner, and the signs that stack Khmer and Myanmar consonants. */
const BINDS = /[\u200d\u17d2\u1039]/u;
const FLAG_HALF = /\p{Regional_Indicator}/u;
const SPACE = /\s/u;
const APOSTROPHE = /['’]/u;
/** A sentence's end: before a space or the end of the text, or anywhere in scripts without spaces. */
const SENTENCE_END = /(?:[.!?…]["'”’)\]]*|[。！？｡][」』”’）]*)$/u;
const FULL_WIDTH_END = /[。！？｡][」』”’）]*$/u;

/** Quotation marks and brackets that are looked back over for the end of a sentence, at most. */
const LOOK_BACK = 8;

/**
 * Spans begin and end between words, never inside a character of several code points (emoji sequences, combining
 * marks, flags) nor between the tokens of one, and end at the latest with their sentence or line, as in OLMoTrace.
 *
 * @param offsets UTF-16 position of each token in the text, and of the end; a token that leaves a character unfinished
 *   ends where it began
 */
export function answerPositions(text: string, offsets: ArrayLike<number>): AnswerPositions {
  const tokens = Math.max(0, offsets.length - 1);
  const { breaks, codePoints } = scan(text);
  const begins = new Uint8Array(tokens);
  const ends = new Uint8Array(tokens);
  const cuts = new Uint8Array(tokens);
  let isWhole = true;
  for (let i = 0; i < tokens; i++) {
    const [from, to] = [offsets[i] ?? 0, offsets[i + 1] ?? text.length];
    begins[i] = isWhole ? (breaks[from] ?? 0) : 0;
    isWhole = to > from;
    if (!isWhole) continue;
    cuts[i] = text.slice(from, to).includes('\n') || isSentenceEnd(text, to) ? 1 : 0;
    // A space belongs to the word after it.
    if (cuts[i] === 1 || !SPACE.test(text[to - 1] ?? '')) ends[i] = breaks[to] ?? 0;
  }
  return { begins, ends, cuts, codePoints: Uint32Array.from(offsets, (at) => codePoints[at] ?? 0) };
}

/** By UTF-16 position: 1 where words and characters are whole on both sides; code points before it. */
function scan(text: string): { breaks: Uint8Array; codePoints: Uint32Array } {
  const breaks = new Uint8Array(text.length + 1);
  const codePoints = new Uint32Array(text.length + 1);
  const characters = Array.from(text);
  let at = 0;
  let before: Character | undefined;
  for (const [i, character] of characters.entries()) {
    const here = classify(character, { before, after: characters[i + 1] ?? '' });
    breaks[at] = before === undefined || isBreak(before, here) ? 1 : 0;
    // The second half of a surrogate pair counts as its character.
    for (let unit = 0; unit < character.length; unit++) codePoints[at + unit] = i;
    at += character.length;
    before = here;
  }
  breaks[at] = 1;
  codePoints[at] = characters.length;
  return { breaks, codePoints };
}

interface Character {
  readonly extends: boolean;
  readonly binds: boolean;
  /** Of a word of several letters, with the marks on them. */
  readonly isLetter: boolean;
  /** Flag halves up to here, without another character between. */
  readonly flagHalves: number;
}

function classify(
  character: string,
  { before, after }: { before: Character | undefined; after: string },
): Character {
  const extending = EXTENDS.test(character);
  const inWord = before?.isLetter === true;
  return {
    extends: extending,
    binds: BINDS.test(character),
    isLetter:
      (extending && inWord) ||
      isWordLetter(character) ||
      (APOSTROPHE.test(character) && inWord && isWordLetter(after)),
    flagHalves: FLAG_HALF.test(character) ? (before?.flagHalves ?? 0) + 1 : 0,
  };
}

const isWordLetter = (character: string) => WORD.test(character) && !SPACELESS.test(character);

function isBreak(before: Character, here: Character): boolean {
  if (here.extends || before.binds) return false;
  if (here.flagHalves > 0 && here.flagHalves % 2 === 0) return false;
  return !(before.isLetter && here.isLetter);
}

function isSentenceEnd(text: string, to: number): boolean {
  const tail = text.slice(Math.max(0, to - LOOK_BACK), to);
  if (!SENTENCE_END.test(tail)) return false;
  return to === text.length || SPACE.test(text[to] ?? '') || FULL_WIDTH_END.test(tail);
}
