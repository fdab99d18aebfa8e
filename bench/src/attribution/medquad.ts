import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Instruction, type ModelText, permutation, seededRandom } from '@openledger/transformer';
import { root } from '../repository.js';

/** Beside the checkout: the texts are others' and do not enter the repository. */
const folder = join(root, '..', 'shared', 'data', 'medquad');

/** US institutes whose answers MedQuAD holds (Ben Abacha and Demner-Fushman 2019). */
export const institutes = ['cancer-gov', 'gard', 'nhlbi', 'niddk', 'ninds'] as const;

const COMPLETION_TOKENS_MIN = 12;
const COMPLETION_TOKENS_MAX = 48;
const SEED = 17;

/**
 * So many questions of an institute with the beginnings of their answers, whole sentences; no question and no answer
 * twice, and always the same ones.
 */
export async function medquadRecords(
  institute: string,
  count: number,
  { tokenizer }: Pick<ModelText, 'tokenizer'>,
): Promise<Instruction[]> {
  const lines = (await readLines(institute)).map((line) => JSON.parse(line) as Instruction);
  const tokensOf = (text: string) => tokenizer.encode(text, { addSpecialTokens: false }).length;
  const taken = new Map<string, Instruction>();
  const prompts = new Set<string>();
  for (const at of permutation(lines.length, seededRandom(SEED))) {
    const { prompt = '', completion = '' } = lines[at] ?? {};
    const beginning = firstSentences(completion, (text) => tokensOf(text) <= COMPLETION_TOKENS_MAX);
    if (tokensOf(beginning) < COMPLETION_TOKENS_MIN || prompts.has(prompt) || taken.has(beginning)) continue;
    prompts.add(prompt);
    taken.set(beginning, { prompt, completion: beginning });
    if (taken.size === count) return [...taken.values()];
  }
  throw new Error(`${institute}.jsonl has ${taken.size} records of the size asked for, not ${count}.`);
}

async function readLines(institute: string): Promise<string[]> {
  const text = await readFile(join(folder, `${institute}.jsonl`), 'utf8').catch((error: unknown) => {
    const files = institutes.map((name) => `${name}.jsonl`).join(', ');
    const message = `MedQuAD is not here: ${folder} needs ${files}, one {"prompt", "completion"} a line.`;
    throw new Error(message, { cause: error });
  });
  return text.split('\n').filter((line) => line !== '');
}

/** As many whole sentences from the start as fit; none where the first does not. */
export function firstSentences(text: string, fits: (part: string) => boolean): string {
  const sentences = text.replace(/\s+/g, ' ').match(/.+?[.!?](?=\s|$)/g) ?? [];
  let beginning = '';
  for (const sentence of sentences) {
    const longer = (beginning + sentence).trim();
    if (!fits(longer)) break;
    beginning = longer;
  }
  return beginning;
}
