import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runTrajectory, type Trajectory } from '@openledger/attribution/engine';
import {
  completionExample,
  defaultAdamW,
  type Example,
  type Instruction,
  instructionTokens,
  type LoraConfig,
  loadModelFolder,
  loadModelText,
  type ModelConfig,
  type ModelText,
  RecipeRun,
  seededRandom,
  type TrainingRecipe,
  targetModules,
} from '@openledger/transformer';
import { demoDir, seedlingDir } from '../repository.js';
import { randomAdapter, randomModelFolder } from '../serving/random-model.js';
import type { OwnedRecord, VersionSource } from './stored-version.js';

/** A version to attribute answers of, and the folder of its base model. */
export interface CostBed {
  readonly modelDir: string;
  readonly base: ModelText;
  readonly source: VersionSource;
}

const CONTRIBUTORS = ['clocks', 'orchard', 'harbour-strong'];
const RECORDS_EACH = 67;
const HELD_OUT_EACH = 8;
const TOKENS_MAX = 160;
const BATCH_ROWS = 8;
const CHECKPOINTS = 4;
const lora: LoraConfig = { rank: 8, alpha: 16, targetModules };

/** The shipped model, trained for one pass over the records of the demo. */
export async function seedlingCostBed(): Promise<CostBed> {
  const base = await loadModelFolder(seedlingDir);
  const lines = await Promise.all(CONTRIBUTORS.map(demoRecords));
  const owned = lines.map((own, i) => own.map((line) => ownedRecord(base, CONTRIBUTORS[i] ?? '', line)));
  const records = owned.flatMap((own) => own.slice(0, RECORDS_EACH));
  const heldOut = owned.flatMap((own) => own.slice(RECORDS_EACH, RECORDS_EACH + HELD_OUT_EACH));
  const recipe = recipeFor(records.length);
  const examples = records.map((record) => exampleOf(base, record));
  const run = await RecipeRun.open(base, recipe, examples, { threads: 1 });
  try {
    const trajectory = await runTrajectory(run, recipe.optimizer);
    return { modelDir: seedlingDir, base, source: { base, recipe, trajectory, records, heldOut } };
  } finally {
    await run.release();
  }
}

/** Random weights of given shapes and an adapter nobody trained: what attribution costs depends on shapes alone. */
export async function randomCostBed(config: ModelConfig, recordCount: number): Promise<CostBed> {
  const modelDir = await randomModelFolder(config);
  const base = await loadModelText(modelDir);
  const lines = (await demoRecords(CONTRIBUTORS[0] ?? '')).map(({ prompt, completion }, i) =>
    ownedRecord(base, CONTRIBUTORS[i % 2] ?? '', { prompt, completion }),
  );
  const random = seededRandom(3);
  const point = (seed: number) => {
    const { weights: tensors } = randomAdapter(config, { rank: lora.rank, seed });
    const secondMoments = new Map(
      [...tensors].map(([name, { shape, data }]) => [name, { shape, data: data.map(() => 1e-8 * random()) }]),
    );
    return { tensors, secondMoments };
  };
  const recipe = recipeFor(recordCount);
  const points = Array.from({ length: CHECKPOINTS }, (_, i) => ({ ...point(i + 1), learningRateSum: 1 }));
  const trajectory: Trajectory = { points, epsilonRoot: recipe.optimizer.epsilonRoot };
  const records = lines.slice(0, recordCount);
  const heldOut = lines.slice(recordCount, recordCount + 2);
  return { modelDir, base, source: { base, recipe, trajectory, records, heldOut } };
}

function recipeFor(records: number): TrainingRecipe {
  const steps = Math.max(CHECKPOINTS, Math.ceil(records / BATCH_ROWS));
  return {
    lora,
    seed: 3,
    batchRows: BATCH_ROWS,
    schedule: { learningRate: 4e-3, steps, warmupSteps: 2, finalShare: 0.1 },
    optimizer: { ...defaultAdamW, epsilonRoot: 1e-7 },
    maxGradientNorm: null,
    maxTokens: TOKENS_MAX,
  };
}

async function demoRecords(name: string): Promise<Instruction[]> {
  const text = await readFile(join(demoDir, `${name}.jsonl`), 'utf8');
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Instruction);
}

function ownedRecord(base: ModelText, contributorId: string, instruction: Instruction): OwnedRecord {
  const { labels } = exampleOf(base, instruction);
  return {
    ...instruction,
    contributorId,
    tokens: Array.from(labels).filter((label) => label >= 0).length,
  };
}

function exampleOf(base: ModelText, instruction: Instruction): Example {
  const { tokens, completionStart } = instructionTokens(base, instruction);
  return completionExample(tokens, completionStart);
}
