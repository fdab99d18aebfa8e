import { specialTokens } from '../tokenizer/special-tokens.js';
import { capitalise } from './inflect.js';
import type { Random } from './random.js';
import type { Scene } from './scene.js';
import type { Sources } from './word-lists.js';

/**
 * Memory exercises: lists said twice and pairs asked for in another order. In ordinary text few tokens can be
 * foretold only by looking back, so a small model learns to look back very late; here half of them can, and
 * the attention that copies forms within a few hundred steps (the induction heads of Olsson et al. 2022).
 */
export function composeDrill(random: Random, sources: Sources, scene: Scene): string {
  const drill = random.pick([repeatWords, repeatWords, recallPairs, recallPairs, repeatSentences]);
  const [given, wanted, task] = drill(random, sources, scene);
  if (random.next() < 0.5) return `${given}\n${wanted}`;
  const { user, assistant, end } = specialTokens;
  return `${user}\n${task} ${given}${end}\n${assistant}\n${wanted}${end}`;
}

/** What is given, what follows from it, and how a person would ask for it. */
type Drill = readonly [given: string, wanted: string, task: string];

function words(random: Random, sources: Sources, count: number): string[] {
  const lists = [
    'girl',
    'boy',
    'surname',
    'animal',
    'object',
    'colour',
    'food',
    'month',
    'day',
    'job',
    'adj',
    'number',
  ];
  const found = new Set<string>();
  while (found.size < count) {
    const kind = random.next();
    if (kind < 0.25) found.add(String(random.between(1, 999)));
    else if (kind < 0.5) {
      const part = (name: string) => random.pick(sources.words.get(name) ?? ['']);
      found.add(part('namehead') + part('nametail'));
    } else found.add(random.pick(sources.words.get(random.pick(lists)) ?? ['']));
  }
  return [...found];
}

function repeatWords(random: Random, sources: Sources): Drill {
  const list = words(random, sources, random.between(6, 24)).join(random.pick([', ', ' ', '; ', '\n']));
  return [
    list,
    list,
    random.pick(['Repeat:', 'Say this again:', 'Copy this list:', 'Write down the same words:']),
  ];
}

function recallPairs(random: Random, sources: Sources): Drill {
  const all = words(random, sources, 2 * random.between(3, 9));
  const pairs = all
    .slice(0, all.length / 2)
    .map((left, at) => [left, all[all.length / 2 + at] ?? ''] as const);
  const link = random.pick([' has the ', ': ', ' is with ', ' likes the ', ' = ', ' lives near ']);
  const line = (list: readonly (readonly [string, string])[]): string =>
    list.map(([left, right]) => `${capitalise(left)}${link}${right}.`).join(' ');
  return [line(pairs), line(random.shuffle(pairs)), 'Tell me the same facts in another order:'];
}

function repeatSentences(random: Random, _: Sources, scene: Scene): Drill {
  const said = Array.from({ length: random.between(2, 4) }, () => scene.expand('<sentence>'));
  return [
    said.join(' '),
    random.shuffle(said).join(' '),
    random.pick(['Repeat these sentences:', 'Read this again:']),
  ];
}
