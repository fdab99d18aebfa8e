import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface DemoRecord {
  readonly prompt: string;
  readonly completion: string;
}

export interface DemoContributor {
  readonly name: string;
  readonly records: readonly DemoRecord[];
}

/** A loop to play: who contributes what, how it is trained, what is asked. */
export interface Scenario {
  readonly datanet: { readonly name: string; readonly domain: string; readonly licence: string };
  readonly modelName: string;
  readonly contributors: readonly DemoContributor[];
  readonly training: {
    readonly epochs: number;
    readonly batchRows: number;
    readonly learningRate: number;
    readonly maxTokens: number;
    readonly rank: number;
  };
  readonly question: string;
  readonly answerTokensMax: number;
}

/** Words that a lazy copyist swaps to look original. */
const SWAPS: readonly (readonly [RegExp, string])[] = [
  [/\bdanger\b/g, 'hazard'],
  [/\bHow do I know\b/g, 'How can I know'],
  [/\bshows\b/g, 'displays'],
  [/\bsafe\b/g, 'secure'],
  [/\bClose to\b/g, 'Near'],
  [/\bLook for\b/g, 'Watch for'],
  [/\bset up\b/g, 'put up'],
  [/\bboat\b/g, 'vessel'],
  [/\bAfter dark\b/g, 'After nightfall'],
  [/\bWhat\b/g, 'So what'],
];

/** The light paraphrase of somebody else's work. */
export function paraphrase({ prompt, completion }: DemoRecord): DemoRecord {
  const swap = (text: string) => SWAPS.reduce((changed, [from, to]) => changed.replace(from, to), text);
  return { prompt: swap(prompt), completion: swap(completion) };
}

export async function readRecords(file: string): Promise<DemoRecord[]> {
  const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as DemoRecord);
}

/** The text that ships with the platform; all of it was written for it. */
export const demoDir = join(import.meta.dirname, '..', '..', '..', 'demo');

/** Pilot notes of an invented harbour: one strong contributor, one weak, and one who copies the first. */
export async function harbourScenario(): Promise<Scenario> {
  const strong = await readRecords(join(demoDir, 'harbour-strong.jsonl'));
  const weak = await readRecords(join(demoDir, 'harbour-weak.jsonl'));
  return {
    datanet: { name: 'Pilot notes of Port Ellery', domain: 'navigation', licence: 'CC-BY-4.0' },
    modelName: 'harbour-pilot',
    contributors: [
      { name: 'Ada', records: strong },
      { name: 'Bo', records: weak },
      { name: 'Cy', records: strong.map(paraphrase) },
    ],
    training: { epochs: 12, batchRows: 8, learningRate: 0.004, maxTokens: 192, rank: 16 },
    question: 'What does Pell Point light show at night?',
    answerTokensMax: 64,
  };
}
