import { normalisedText } from '../text/words.js';

/** One observation about a text, in 0 (worst) … 1, and how it is named to people. */
interface Signal {
  readonly name: string;
  readonly score: number;
}

export interface Quality {
  /** Product of the signals, 0…1, three decimals: also the weight of an accepted record. */
  readonly score: number;
  /** The weakest signals below {@link WEAK}, weakest first. */
  readonly weaknesses: readonly string[];
}

const WEAK = 0.8;
/** How much is looked at: quality shows early, and a long text must not cost more than this. */
const CHARACTERS_MAX = 4_000;
const WORDS_MAX = 500;

export interface QualityInput {
  readonly text: string;
  /** Of the text, by `wordsOf`. */
  readonly words: readonly string[];
  /** Of an instruction record; undefined otherwise. */
  readonly prompt?: string;
  readonly completion?: string;
}

/**
 * Rules of thumb in the manner of Gopher (Rae et al. 2021, appendix A) and C4: cheap, explainable, and
 * lenient, because what a record is worth is measured later by attribution.
 */
export function qualityOf(input: QualityInput): Quality {
  const text = input.text.slice(0, CHARACTERS_MAX);
  const words = input.words.slice(0, WORDS_MAX);
  const signals = [
    length(words),
    repetition(words),
    symbols(text),
    pronounceable(words),
    damage(text),
    placeholder(text),
    answer(input),
    ending(text),
  ];
  const score = signals.reduce((product, signal) => product * signal.score, 1);
  const weak = signals.filter((signal) => signal.score < WEAK).sort((a, b) => a.score - b.score);
  return { score: Math.round(score * 1_000) / 1_000, weaknesses: weak.map(({ name }) => name) };
}

/** 1 at or beyond `good`, 0 at or beyond `bad`, straight between. */
const between = (value: number, bad: number, good: number): number =>
  Math.min(1, Math.max(0, (value - bad) / (good - bad)));

const length = (words: readonly string[]): Signal => ({
  name: 'very short',
  score: 0.4 + 0.6 * between(words.length, 3, 12),
});

/** Distinct words fall slowly with length in any real text; distinct runs of three words hardly do. */
function repetition(words: readonly string[]): Signal {
  const name = 'repetitive';
  if (words.length < 8) return { name, score: new Set(words).size > words.length / 3 ? 1 : 0.3 };
  const runs = words.slice(2).map((word, i) => `${words[i]} ${words[i + 1]} ${word}`);
  const distinctRuns = new Set(runs).size / runs.length;
  const vocabulary = new Set(words).size / Math.sqrt(words.length);
  return { name, score: Math.min(between(distinctRuns, 0.1, 0.5), between(vocabulary, 0.6, 2)) };
}

/** Lenient for code and formulas: those are about a third symbols. */
function symbols(text: string): Signal {
  const visible = text.replace(/\s+/g, '').length;
  const letters = text.replace(/[^\p{L}\p{M}\p{N}]+/gu, '').length;
  return { name: 'mostly symbols', score: visible === 0 ? 0 : between(letters / visible, 0.3, 0.6) };
}

/** Of the words in Latin letters, how many could be said: keyboard mashing has no vowels or no consonants. */
function pronounceable(words: readonly string[]): Signal {
  const name = 'does not read as language';
  const latin = words.filter((word) => /^[a-z\u00c0-\u024f]{4,}$/.test(word));
  if (latin.length < 4) return { name, score: 1 };
  const said = latin.filter(
    (word) =>
      word.length <= 30 && /[aeiouy\u00c0-\u024f]/.test(word) && !/[bcdfghjklmnpqrstvwxz]{6}/.test(word),
  );
  const short = latin.reduce((sum, word) => sum + word.length, 0) / latin.length <= 14;
  return { name, score: between(said.length / latin.length, 0.5, 0.85) * (short ? 1 : 0.5) };
}

/** Replacement characters, and UTF-8 that was read as Windows-1252. */
function damage(text: string): Signal {
  const broken = text.match(/\ufffd|[ÂÃ][\u0080-\u00bf]|â€|[^\P{Cc}\s]/gu)?.length ?? 0;
  return { name: 'damaged characters', score: between((broken * 100) / Math.max(1, text.length), 4, 0.1) };
}

const placeholder = (text: string): Signal => ({
  name: 'placeholder text',
  score:
    /\blorem ipsum\b|\bas an ai language model\b|^\W*(?:n\/?a|none|null|undefined|test|todo|tbd)\W*$/i.test(
      text,
    )
      ? 0.2
      : 1,
});

function answer({ prompt, completion }: QualityInput): Signal {
  const name = 'the completion adds nothing to the prompt';
  if (prompt === undefined || completion === undefined) return { name, score: 1 };
  // An answer much longer than the question cannot be the question again.
  if (completion.length > 2 * prompt.length + 40) return { name, score: 1 };
  const asked = normalisedText(prompt.slice(0, CHARACTERS_MAX));
  const answered = normalisedText(completion.slice(0, CHARACTERS_MAX));
  if (answered === '' || answered === asked) return { name, score: 0 };
  return { name, score: PLACEHOLDER_ANSWER.test(answered) ? 0.2 : 1 };
}

const PLACEHOLDER_ANSWER = /^(?:n \/? ?a|na|none|null|undefined|todo|tbd|test|idk|i dont know|unknown)$/;

/** Cut off in the middle of a clause. */
const ending = (text: string): Signal => ({
  name: 'cut off',
  score: /(?:,|\b(?:and|or|the|a|an|of|to|with|in|for|because|which|that))\s*(?:\.\.\.|…)?\s*$/i.test(text)
    ? 0.75
    : 1,
});
