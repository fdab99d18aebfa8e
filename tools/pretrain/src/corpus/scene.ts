import { capitalise, lowerFirst, plural, type Verb } from './inflect.js';
import type { Random } from './random.js';
import type { Instruction, Problem, Question, Sources, Topic } from './word-lists.js';

type Value = string | Verb | Problem | Instruction | Question | Readonly<Record<string, string>>;

const maxDepth = 12;
const slotPattern = /^(\^)?(s )?([a-z0-9]+)(?:#([a-z0-9]+))?(?:\.([a-z0-9]+))?$/;
const numberPattern = /^num (\d+) (\d+)$/;

/**
 * The people, places and things of one document. `<slot>` draws anew each time; `<slot#key>` draws once
 * and repeats, which is what keeps a document on its subject; `{a|b}` chooses.
 */
export class Scene {
  private readonly fixed = new Map<string, Value>();

  constructor(
    private readonly random: Random,
    private readonly sources: Sources,
    readonly topic: Topic,
  ) {
    const girls = random.next() < 0.5;
    const [hero = '', friend = ''] = random.shuffle(this.list(girls ? 'girl' : 'boy'));
    this.fixed.set('hero', hero);
    this.fixed.set('friend', friend);
    this.fixed.set('he', girls ? 'she' : 'he');
    this.fixed.set('his', girls ? 'her' : 'his');
    this.fixed.set('topic', topic.name);
    this.fixed.set('town', this.town());
    this.fixed.set('e', this.entity());
  }

  expand(template: string, depth = 0): string {
    if (depth > maxDepth) throw new RangeError(`templates nest too deeply at ${template}`);
    let text = '';
    for (let at = 0; at < template.length; ) {
      const open = template[at];
      if (open === '{' || open === '<') {
        const end = closing(template, at);
        const inner = template.slice(at + 1, end);
        text +=
          open === '{'
            ? this.expand(this.random.pick(alternatives(inner)), depth + 1)
            : this.slot(inner, depth);
        at = end + 1;
      } else {
        text += open;
        at++;
      }
    }
    return text;
  }

  private slot(slot: string, depth: number): string {
    const range = numberPattern.exec(slot);
    if (range) return String(this.random.between(Number(range[1]), Number(range[2])));
    const parts = slotPattern.exec(slot);
    if (!parts) throw new SyntaxError(`cannot read the slot <${slot}>`);
    const [, capital, several, name = '', key, form] = parts;
    const value = this.value(name, key, depth);
    const found = form === 'next' ? this.successor(name, String(value)) : render(value, form);
    const text = several === undefined ? found : plural(found);
    return capital === undefined ? text : capitalise(text);
  }

  private value(name: string, key: string | undefined, depth: number): Value {
    const known = this.fixed.get(key === undefined ? name : `${name}#${key}`);
    if (known !== undefined) return known;
    const drawn = this.draw(name, depth);
    if (key === undefined) return drawn;
    // Two keys of one slot must differ: "the cup or the cup" teaches nothing.
    for (let attempt = 0, value = drawn; attempt < 8; attempt++, value = this.draw(name, depth)) {
      if (this.repeats(name, value) && attempt < 7) continue;
      this.fixed.set(`${name}#${key}`, value);
      return value;
    }
    return drawn;
  }

  private repeats(name: string, value: Value): boolean {
    return [...this.fixed].some(([known, other]) => known.startsWith(`${name}#`) && other === value);
  }

  private draw(name: string, depth: number): Value {
    const { random, topic, sources } = this;
    if (name === 'doing') return random.pick(topic.doing);
    if (name === 'problem') return random.pick(topic.problems);
    if (name === 'howto') return random.pick(topic.howto);
    if (name === 'fact') return random.pick(topic.facts);
    if (name === 'ask') return random.pick(topic.ask);
    if (name === 'sum') return this.sum();
    const verbs = sources.verbs.get(name);
    if (verbs) return random.pick(verbs);
    const macro = sources.macros.get(name);
    if (macro) return this.expand(random.pick(macro), depth + 1);
    const own = topic.words.get(name);
    if (own && (name !== 'place' || random.next() < 0.7)) return random.pick(own);
    return this.expand(random.pick(this.list(name)), depth + 1);
  }

  private list(name: string): readonly string[] {
    const words = this.sources.words.get(name);
    if (!words) throw new SyntaxError(`no words are listed for <${name}>`);
    return words;
  }

  private successor(name: string, word: string): string {
    const cycle = this.list(name);
    return cycle[(cycle.indexOf(word) + 1) % cycle.length] ?? word;
  }

  private town(): string {
    return this.random.pick(this.list('townhead')) + this.random.pick(this.list('towntail'));
  }

  private inventedName(): string {
    return this.random.pick(this.list('namehead')) + this.random.pick(this.list('nametail'));
  }

  /** An invented institution, so that answers about it can only come from the text. */
  private entity(): Readonly<Record<string, string>> {
    const { random } = this;
    const person = random.pick(this.list(random.next() < 0.5 ? 'girl' : 'boy'));
    const surname = random.next() < 0.5 ? random.pick(this.list('surname')) : this.inventedName();
    return {
      name: this.inventedName(),
      town: random.next() < 0.5 ? this.town() : this.inventedName(),
      year: String(random.between(1700, 2015)),
      founder: `${person} ${surname}`,
      count: random.next() < 0.5 ? random.pick(this.list('number')) : String(random.between(2, 90)),
      parts: random.pick(this.list('part')),
    };
  }

  private sum(): Question {
    const [left, right] = [this.random.between(1, 30), this.random.between(1, 20)];
    if (this.random.next() < 0.5) {
      return { q: `What is ${left} plus ${right}?`, a: `${left} plus ${right} is ${left + right}.` };
    }
    return { q: `What is ${left + right} minus ${right}?`, a: `${left + right} minus ${right} is ${left}.` };
  }
}

function closing(template: string, open: number): number {
  const [opener, closer] = template[open] === '{' ? ['{', '}'] : ['<', '>'];
  let depth = 0;
  for (let at = open; at < template.length; at++) {
    if (template[at] === opener) depth++;
    else if (template[at] === closer && --depth === 0) return at;
  }
  throw new SyntaxError(`unclosed ${opener} in: ${template}`);
}

function alternatives(inner: string): string[] {
  const found: string[] = [];
  let depth = 0;
  let start = 0;
  for (let at = 0; at < inner.length; at++) {
    if (inner[at] === '{' || inner[at] === '<') depth++;
    else if (inner[at] === '}' || inner[at] === '>') depth--;
    else if (inner[at] === '|' && depth === 0) {
      found.push(inner.slice(start, at));
      start = at + 1;
    }
  }
  return [...found, inner.slice(start)];
}

function render(value: Value, form: string | undefined): string {
  if (typeof value === 'string') return renderText(value, form);
  if ('remedy' in value) {
    if (form === 'now' || form === 'then' || form === 'cause') return value[form];
    return render(value.remedy, form);
  }
  if ('steps' in value) return renderSteps(value as Instruction, form);
  const text = (value as Readonly<Record<string, string>>)[form ?? 'base'];
  if (text === undefined) throw new SyntaxError(`no form ${form} of ${JSON.stringify(value)}`);
  return text;
}

function renderText(text: string, form: string | undefined): string {
  if (form === 'low') return lowerFirst(text);
  if (form === 'bare') return text.replace(/^the /, '');
  if (form === 'q') return `${lowerFirst(text).replace(/\.$/, '')}?`;
  return text;
}

function renderSteps({ goal, steps }: Instruction, form: string | undefined): string {
  if (form === 'goal') return goal;
  if (form === 'numbered') return steps.map((step, at) => `${at + 1}. ${capitalise(step)}.`).join(' / ');
  if (form === 'bullets') return steps.map((step) => `- ${capitalise(step)}`).join(' / ');
  const openers = ['First', 'Then', 'Next', 'After that', 'Then', 'Finally'];
  return steps.map((step, at) => `${openers[at] ?? 'Then'}, ${step}.`).join(' ');
}
