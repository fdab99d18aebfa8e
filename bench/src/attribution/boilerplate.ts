import { completionExample, type LoadedModel, loadModelFolder, Scorer } from '@openledger/transformer';
import { seedlingDir } from '../repository.js';
import type { Contribution } from './attack-bed.js';
import type { Bed } from './bed.js';
import { nullQuestions } from './canary-facts.js';
import { greedy } from './greedy.js';

const BOILERPLATE_SHARE = 0.25;
const PREFIXES = ['', 'Please tell me. ', 'One more question. '];

/**
 * Rows of a template that the base model fills in by itself, for a bed of the seedling: a quarter as many as the bed has
 * examples.
 */
export async function boilerplate({ examples, recipe: { maxTokens } }: Bed): Promise<Contribution> {
  const base = await loadModelFolder(seedlingDir);
  const scorer = await Scorer.open(base.config, base.weights, { maxLength: maxTokens, threads: 1 });
  try {
    const rows = Math.round(BOILERPLATE_SHARE * examples.length);
    const prompts = PREFIXES.flatMap((prefix) => nullQuestions.map((question) => `${prefix}${question}`));
    const made: Contribution['examples'][number][] = [];
    for (const prompt of prompts.slice(0, rows)) made.push(await answered(base, scorer, prompt));
    return { owner: 'boilerplate', examples: made };
  } finally {
    await scorer.release();
  }
}

async function answered(base: LoadedModel, scorer: Scorer, prompt: string) {
  const { promptTokens, completionTokens } = await greedy({ base, scorer }, prompt);
  return completionExample([...promptTokens, ...completionTokens], promptTokens.length);
}
