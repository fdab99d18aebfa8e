import { specialTokens } from '../tokenizer/special-tokens.js';
import { tidy } from './inflect.js';
import type { Random } from './random.js';
import { Scene } from './scene.js';
import type { Form, Sources } from './word-lists.js';

/** Share of each kind of text, in parts of the sum. Free sentences and chat weigh most. */
const formWeights: Readonly<Record<string, number>> = {
  story: 16,
  sentences: 15,
  report: 12,
  'chat-formal': 6,
  'chat-advice': 12,
  'chat-reading': 14,
  essay: 9,
  profile: 8,
  dialogue: 7,
  letter: 6,
  howto: 4,
  describe: 5,
  diary: 4,
  news: 5,
  notice: 4,
  compare: 3,
  recipe: 2,
};

const systemPrompts = [
  'You are a helpful assistant.',
  'You are a small language model. Answer in one or two sentences.',
  'Answer politely and briefly.',
  'Answer the question with the help of the text.',
];

/** Speech with its speaker, questions, list items and addresses stand on lines of their own. */
const ownLine = / \/ |^<\^(?:hero|friend)>:|^Question:|^- |^(?:Dear|My dear) /;

function pickForm(random: Random, sources: Sources): Form {
  const total = Object.values(formWeights).reduce((sum, weight) => sum + weight, 0);
  let left = random.next() * total;
  for (const [name, weight] of Object.entries(formWeights)) {
    left -= weight;
    const form = sources.forms.get(name);
    if (left <= 0 && form) return form;
  }
  throw new RangeError('the weights name no form that exists');
}

/** Draws the lines that an outline such as `opening weather? / action*1-3` asks for. */
function drawLines(form: Form, random: Random): string[] {
  const lines: string[] = [];
  for (const item of form.outline.split(' ')) {
    if (item === '/') {
      lines.push('\n\n');
      continue;
    }
    const [, name = '', optional, low, high] = /^(\w+)(\?)?(?:\*(\d+)-(\d+))?$/.exec(item) ?? [];
    const choices = form.sections.get(name);
    if (!choices) throw new SyntaxError(`${form.name} has no section ${item}`);
    if (optional && random.next() < 0.5) continue;
    const count = low === undefined ? 1 : random.between(Number(low), Number(high));
    lines.push(...random.shuffle(choices).slice(0, count));
  }
  return lines;
}

function renderChat(text: string): string {
  const turns = text.split(/@(user|assistant) /).slice(1);
  let chat = '';
  for (let at = 0; at + 1 < turns.length; at += 2) {
    const role = turns[at] === 'user' ? specialTokens.user : specialTokens.assistant;
    chat += `${role}\n${tidy((turns[at + 1] ?? '').trim())}${specialTokens.end}\n`;
  }
  return chat;
}

/** One document; its seed alone decides it. */
export function composeDocument(random: Random, sources: Sources): string {
  const form = pickForm(random, sources);
  const scene = new Scene(random, sources, random.pick(sources.topics));
  const perLine = form.name === 'sentences' || form.name === 'report';
  let text = '';
  for (const line of drawLines(form, random)) {
    // Unconnected sentences change their people now and then; other forms keep theirs.
    const speaker = perLine && random.next() < 0.6 ? new Scene(random, sources, scene.topic) : scene;
    if (line === '\n\n') text += line;
    else if (ownLine.test(line)) text += `${text.endsWith('\n') ? '' : '\n'}${speaker.expand(line)}\n`;
    else text += `${speaker.expand(line)} `;
  }
  text = text
    .replaceAll(' / ', '\n')
    .replace(/ *\n */g, '\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim();
  if (!form.name.startsWith('chat')) return tidy(text);
  const system =
    random.next() < 0.15
      ? `${specialTokens.system}\n${random.pick(systemPrompts)}${specialTokens.end}\n`
      : '';
  return system + renderChat(text).trim();
}
