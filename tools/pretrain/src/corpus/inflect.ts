/** English forms that the templates need; the word lists avoid words that these rules get wrong. */
export interface Verb {
  readonly base: string;
  readonly past: string;
  readonly ing: string;
  /** Third person singular. */
  readonly s: string;
}

const consonantY = /[^aeiou]y$/;
const irregularPlurals: Readonly<Record<string, string>> = {
  sheep: 'sheep',
  goose: 'geese',
  mouse: 'mice',
  fish: 'fish',
  knife: 'knives',
  scarf: 'scarves',
  loaf: 'loaves',
  shelf: 'shelves',
  child: 'children',
  deer: 'deer',
  fisherman: 'fishermen',
  scissors: 'scissors',
};

function pluralWord(word: string): string {
  const irregular = irregularPlurals[word];
  if (irregular !== undefined) return irregular;
  if (consonantY.test(word)) return `${word.slice(0, -1)}ies`;
  return /(?:s|x|z|ch|sh)$/.test(word) ? `${word}es` : `${word}s`;
}

/** "box" to "boxes", "loaf of bread" to "loafs of bread": the head noun is inflected. */
export function plural(noun: string): string {
  const [head = noun, ...rest] = noun.split(' of ');
  const words = head.split(' ');
  const last = words.pop() ?? head;
  return [[...words, pluralWord(last)].join(' '), ...rest].join(' of ');
}

function thirdPerson(base: string): string {
  if (consonantY.test(base)) return `${base.slice(0, -1)}ies`;
  return /(?:s|x|z|ch|sh|o)$/.test(base) ? `${base}es` : `${base}s`;
}

/** Reads "dig/dug/digging over the bed" into its forms. */
export function parseVerb(source: string): Verb {
  const [base = '', past = '', tail = ''] = source.split('/');
  const [ing = tail, ...object] = tail.split(' ');
  const rest = object.length === 0 ? '' : ` ${object.join(' ')}`;
  return { base: base + rest, past: past + rest, ing: ing + rest, s: thirdPerson(base) + rest };
}

export function capitalise(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Undoes sentence case, except for names. */
export function lowerFirst(text: string): string {
  return /^(?:I\b|Jupiter|Saturn)/.test(text) ? text : text.charAt(0).toLowerCase() + text.slice(1);
}

const vowelSound = /\b([Aa]) (?=[aeiou])(?!one\b|once\b|uni|use|usual|eu)/g;

/** Repairs what filling templates gets wrong: "a owl", double spaces, sentences that begin small. */
export function tidy(text: string): string {
  return text
    .replace(/ +/g, ' ')
    .replace(/ ([,.?!;:])/g, '$1')
    .replace(/\.{2,}/g, '.')
    .replace(/\.(" (?:said|answered|replied|explained|whispered|called|added)\b)/g, ',$1')
    .replace(vowelSound, '$1n ')
    .replace(/\b([Aa]) (?=hour\b|hon)/g, '$1n ')
    .replace(/(^|[.?!] |\n)([a-z])/g, (_, before: string, letter: string) => before + letter.toUpperCase())
    .replace(/[ \t]+$/gm, '');
}
