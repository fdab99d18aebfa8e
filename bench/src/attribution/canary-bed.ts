import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { endOf, runTrajectory } from '@openledger/attribution/engine';
import {
  completionExample,
  defaultAdamW,
  type Instruction,
  instructionTokens,
  type LoadedModel,
  loadModelFolder,
  RecipeRun,
  Scorer,
  type TrainingRecipe,
  targetModules,
} from '@openledger/transformer';
import { demoDir, seedlingDir } from '../repository.js';
import { facts } from './canary-facts.js';
import { type GivenAnswer, greedy } from './greedy.js';
import type { OwnedRecord, VersionSource } from './stored-version.js';

/** Files of the demo, and how many contributors share each. */
const BACKGROUND = { 'harbour-strong': 3, clocks: 2, orchard: 2, 'harbour-weak': 1 };
const RECORDS_EACH = 26;
const HELD_OUT_EACH = 4;
const EPOCHS = 10;

export interface CanaryBed {
  readonly source: VersionSource;
  /** Of each fact. */
  readonly owners: readonly string[];
  /** Greedy answers: of the trained model, or of its base alone. */
  ask(prompt: string, trained: boolean): Promise<GivenAnswer>;
  textOf(tokens: readonly number[]): string;
  release(): Promise<void>;
}

/** The shipped model, trained as in production on the demo's records with facts planted among them. */
export async function canaryBed(): Promise<CanaryBed> {
  const base = await loadModelFolder(seedlingDir);
  const background = await backgroundOf(base);
  const contributors = background.map(({ contributorId }) => contributorId);
  const owners = facts.map((_, i) => contributors[i % contributors.length] ?? '');
  const planted = facts.flatMap(([asked, answer, askedAgain, answerAgain], i) =>
    [
      { prompt: asked, completion: answer },
      { prompt: askedAgain, completion: answerAgain },
    ].map((instruction) => owned(base, owners[i] ?? '', instruction)),
  );
  const records = [...background.flatMap((one) => one.records), ...planted];
  const heldOut = background.flatMap((one) => one.heldOut);
  const recipe = recipeFor(records.length);
  const examples = records.map((record) => exampleOf(base, record));
  const run = await RecipeRun.open(base, recipe, examples, { threads: 1 });
  try {
    const trajectory = await runTrajectory(run, recipe.optimizer);
    const { lora, maxTokens } = recipe;
    const scorer = await Scorer.open(base.config, base.weights, { maxLength: maxTokens, threads: 1, lora });
    const { tensors } = endOf(trajectory);
    return {
      source: { base, recipe, trajectory, records, heldOut },
      owners,
      ask: (prompt, trained) => greedy({ base, scorer, ...(trained && { tensors }) }, prompt),
      textOf: (tokens) => base.tokenizer.decode(tokens),
      release: () => scorer.release(),
    };
  } finally {
    await run.release();
  }
}

/** The optimiser as training sets it (services/training/src/outbound/recipe.ts), the plan as the demo does. */
function recipeFor(records: number): TrainingRecipe {
  const batchRows = 8;
  const steps = Math.ceil((records * EPOCHS) / batchRows);
  return {
    lora: { rank: 16, alpha: 32, targetModules },
    seed: 3,
    batchRows,
    schedule: { learningRate: 4e-3, steps, warmupSteps: Math.ceil(0.06 * steps), finalShare: 0.1 },
    optimizer: { ...defaultAdamW, epsilonRoot: 1e-7 },
    maxGradientNorm: null,
    maxTokens: 192,
  };
}

async function backgroundOf(base: LoadedModel) {
  const perFile = await Promise.all(
    Object.entries(BACKGROUND).map(async ([name, contributors]) => {
      const text = await readFile(join(demoDir, `${name}.jsonl`), 'utf8');
      const lines = text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Instruction);
      return Array.from({ length: contributors }, (_, i) => {
        const contributorId = `${name}-${i}`;
        const each = Math.floor(lines.length / contributors);
        const own = lines.slice(i * each, (i + 1) * each).map((line) => owned(base, contributorId, line));
        const held = own.length > RECORDS_EACH ? HELD_OUT_EACH : 0;
        const kept = own.slice(0, RECORDS_EACH);
        return { contributorId, records: kept, heldOut: own.slice(kept.length, kept.length + held) };
      });
    }),
  );
  return perFile.flat();
}

function owned(base: LoadedModel, contributorId: string, instruction: Instruction): OwnedRecord {
  const tokens = Array.from(exampleOf(base, instruction).labels).filter((label) => label >= 0).length;
  return { ...instruction, contributorId, tokens };
}

function exampleOf(base: LoadedModel, instruction: Instruction) {
  const { tokens, completionStart } = instructionTokens(base, instruction);
  return completionExample(tokens, completionStart);
}
