import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseVerb, type Verb } from './inflect.js';

/** Something that goes wrong in a topic, in the present and the past, and what helps. */
export interface Problem {
  readonly now: string;
  readonly then: string;
  readonly cause: string;
  readonly remedy: Verb;
}

export interface Instruction {
  readonly goal: string;
  readonly steps: readonly string[];
}

export interface Question {
  readonly q: string;
  readonly a: string;
}

/** One field of everyday knowledge with its own words. */
export interface Topic {
  readonly name: string;
  readonly words: ReadonlyMap<string, readonly string[]>;
  readonly doing: readonly Verb[];
  readonly problems: readonly Problem[];
  readonly howto: readonly Instruction[];
  readonly facts: readonly string[];
  readonly ask: readonly Question[];
}

/** A kind of text: its outline of sections and the lines each section chooses from. */
export interface Form {
  readonly name: string;
  readonly outline: string;
  readonly sections: ReadonlyMap<string, readonly string[]>;
}

export interface Sources {
  readonly words: ReadonlyMap<string, readonly string[]>;
  readonly verbs: ReadonlyMap<string, readonly Verb[]>;
  readonly macros: ReadonlyMap<string, readonly string[]>;
  readonly topics: readonly Topic[];
  readonly forms: ReadonlyMap<string, Form>;
}

const verbLists = ['vt', 'vperson', 'vi', 'act', 'influence'];

/** Reads `name:` headings, each followed by its lines; text after the colon is a first line. */
function readSections(text: string): Map<string, string[]> {
  const sections = new Map<string, string[]>();
  let current: string[] = [];
  for (const line of text.split('\n')) {
    const heading = /^([a-z0-9]+):(?: (.*))?$/.exec(line);
    if (heading?.[1] !== undefined) {
      current = heading[2] === undefined ? [] : [heading[2]];
      sections.set(heading[1], current);
    } else if (line !== '') current.push(line);
  }
  return sections;
}

function listed(line: string | undefined): string[] {
  const separator = line?.includes(';') ? ';' : ',';
  return line === undefined ? [] : line.split(separator).map((word) => word.trim());
}

function cells(line: string): string[] {
  return line.split('|').map((cell) => cell.trim());
}

function parseProblem(line: string): Problem {
  const [symptom = '', cause = '', remedy = ''] = cells(line);
  const [now = '', then = ''] = symptom.split(' / ');
  const verb = parseVerb(remedy);
  // "... and repeat" is right after the base form only; the other forms stop at the first verb.
  const first = (form: string): string =>
    form.replace(/ and (?:smooth|paint|stretch|wait|repeat|use|buy|keep|press|put|sing|walk)\b.*$/, '');
  return {
    now,
    then,
    cause,
    remedy: { base: verb.base, past: first(verb.past), ing: first(verb.ing), s: first(verb.s) },
  };
}

function parseTopic(name: string, text: string): Topic {
  const sections = readSections(text);
  const lines = (section: string): string[] => sections.get(section) ?? [];
  const words = new Map<string, string[]>();
  for (const [plural, singular] of [
    ['people', 'person'],
    ['places', 'place'],
    ['things', 'thing'],
    ['stuff', 'stuff'],
    ['tools', 'tool'],
    ['like', 'like'],
  ] as const) {
    words.set(singular, listed(lines(plural)[0]));
  }
  return {
    name: name.replace('-', ' '),
    words,
    doing: lines('doing').map(parseVerb),
    problems: lines('problems').map(parseProblem),
    howto: lines('howto').map((line) => {
      const [goal = '', ...steps] = cells(line);
      return { goal, steps };
    }),
    facts: lines('facts'),
    ask: lines('ask').map((line) => {
      const [q = '', a = ''] = cells(line);
      return { q, a };
    }),
  };
}

/** Loads the hand-written word lists, topics and forms from the `text` folder of this package. */
export function readSources(folder: string): Sources {
  const read = (...path: string[]): string => readFileSync(join(folder, ...path), 'utf8');
  const words = new Map<string, string[]>();
  const verbs = new Map<string, Verb[]>();
  for (const [name, lines] of readSections(`${read('lexicon.txt')}\n${read('formal.txt')}`)) {
    const entries = listed(lines[0]);
    if (verbLists.includes(name)) verbs.set(name, entries.map(parseVerb));
    else words.set(name, entries);
  }
  const files = (path: string): string[] => readdirSync(join(folder, path)).sort();
  const topics = files('topics').map((file) => parseTopic(basename(file, '.txt'), read('topics', file)));
  const forms = new Map<string, Form>();
  for (const file of files('forms')) {
    const sections = readSections(read('forms', file));
    const name = basename(file, '.txt');
    forms.set(name, { name, outline: sections.get('outline')?.[0] ?? '', sections });
  }
  return { words, verbs, macros: readSections(read('macros.txt')), topics, forms };
}
