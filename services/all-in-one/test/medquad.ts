import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type DemoRecord, type Scenario } from '../src/demo/scenario.js';

/** Compiled tests lie four folders below the root; the data lies beside the checkout. */
const folder = join(import.meta.dirname, '..', '..', '..', '..', '..', 'shared', 'data', 'medquad');
export const medquadIsHere = existsSync(folder);

const INSTITUTES = ['cancer-gov', 'gard', 'nhlbi', 'niddk', 'ninds'] as const;
const COPIED = 'cancer-gov';
const COPIER = 'copier';
const RECORDS_EACH = 30;
/** Characters; what a small model can be trained on in a test. */
const COMPLETION_MAX = 500;

/** Synonyms that leave the meaning, as a copyist in a hurry would use. */
const SYNONYMS: Readonly<Record<string, string>> = {
  about: 'regarding',
  also: 'additionally',
  and: 'as well as',
  because: 'since',
  called: 'named',
  causes: 'leads to',
  common: 'frequent',
  disease: 'illness',
  help: 'assist',
  include: 'comprise',
  many: 'numerous',
  may: 'might',
  often: 'frequently',
  people: 'persons',
  symptoms: 'signs',
  treatment: 'therapy',
  usually: 'typically',
};
/** One word in three that has a synonym is swapped. */
const SWAP_EVERY = 3;

async function recordsOf(institute: string): Promise<DemoRecord[]> {
  const lines = (await readFile(join(folder, `${institute}.jsonl`), 'utf8'))
    .split('\n')
    .filter((line) => line !== '');
  const records = lines.map((line) => JSON.parse(line) as DemoRecord);
  const short = records.filter(
    ({ completion }) => completion.length >= 60 && completion.length <= COMPLETION_MAX,
  );
  return short.slice(0, RECORDS_EACH).map(({ prompt, completion }) => ({ prompt, completion }));
}

function lightParaphrase({ prompt, completion }: DemoRecord): DemoRecord {
  let found = 0;
  const swap = (text: string) =>
    text.replace(/\b[a-z]+\b/g, (word) => {
      const synonym = SYNONYMS[word];
      return synonym !== undefined && found++ % SWAP_EVERY === 0 ? synonym : word;
    });
  return { prompt: swap(prompt), completion: swap(completion) };
}

/** Five institutes as five contributors, and an account that copies one of them. */
export async function medquadScenario(): Promise<Scenario> {
  const honest = await Promise.all(
    INSTITUTES.map(async (name) => ({ name, records: await recordsOf(name) })),
  );
  const copied = honest.find(({ name }) => name === COPIED)?.records ?? [];
  return {
    datanet: { name: 'Medical questions', domain: 'health', licence: 'CC-BY-4.0' },
    modelName: 'medquad',
    contributors: [...honest, { name: COPIER, records: copied.map(lightParaphrase) }],
    training: { epochs: 3, batchRows: 8, learningRate: 0.003, maxTokens: 256, rank: 8 },
    question: copied[0]?.prompt ?? '',
    answerTokensMax: 48,
  };
}

export const medquadRoles = {
  copied: COPIED,
  copier: COPIER,
  institutes: INSTITUTES,
  recordsEach: RECORDS_EACH,
};
