import {
  completionExample,
  defaultAdamW,
  type Example,
  type Instruction,
  instructionTokens,
  type LoadedModel,
  loadModelFolder,
  type TrainingRecipe,
  targetModules,
} from '@openledger/transformer';
import { seedlingDir } from '../repository.js';
import type { Bed } from './bed-types.js';
import { institutes, medquadRecords } from './medquad.js';
import type { OwnedRecord } from './stored-version.js';

const RECORDS_EACH = 32;
const QUESTIONS_EACH = 8;
/** Neither trained on nor asked about: what the service holds its scores against. */
const HELD_OUT_EACH = 4;
const PASSES = 4;
const BATCH_ROWS = 8;

export interface RealBed extends Bed {
  readonly base: LoadedModel;
  readonly records: readonly OwnedRecord[];
  readonly questions: readonly OwnedRecord[];
  readonly heldOut: readonly OwnedRecord[];
}

/** The shipped base model, and five institutes that each teach it answers of their own. */
export async function realBed(): Promise<RealBed> {
  const base = await loadModelFolder(seedlingDir);
  const [records, questions, heldOut]: [OwnedRecord[], OwnedRecord[], OwnedRecord[]] = [[], [], []];
  for (const institute of institutes) {
    const count = RECORDS_EACH + QUESTIONS_EACH + HELD_OUT_EACH;
    const own = (await medquadRecords(institute, count, base)).map((one) => ownedBy(institute, one, base));
    records.push(...own.slice(0, RECORDS_EACH));
    questions.push(...own.slice(RECORDS_EACH, -HELD_OUT_EACH));
    heldOut.push(...own.slice(-HELD_OUT_EACH));
  }
  const contributors: readonly string[] = institutes;
  const ownerOf = ({ contributorId }: OwnedRecord) => contributors.indexOf(contributorId);
  return {
    name: 'medquad',
    base,
    records,
    questions,
    heldOut,
    examples: records.map((record) => exampleOf(record, base)),
    owners: records.map(ownerOf),
    queries: questions.map((question) => exampleOf(question, base)),
    queryOwners: questions.map(ownerOf),
    contributors,
    recipe: recipeFor(records.length),
  };
}

/** What production trains by (services/training), at the rate and length that a small model needs. */
function recipeFor(examples: number): TrainingRecipe {
  const steps = Math.ceil((examples * PASSES) / BATCH_ROWS);
  return {
    lora: { rank: 8, alpha: 16, targetModules },
    seed: 1,
    batchRows: BATCH_ROWS,
    schedule: { learningRate: 3e-3, steps, warmupSteps: Math.ceil(0.06 * steps), finalShare: 0.1 },
    optimizer: { ...defaultAdamW, epsilonRoot: 1e-7 },
    maxGradientNorm: null,
    maxTokens: 256,
  };
}

function ownedBy(contributorId: string, instruction: Instruction, base: LoadedModel): OwnedRecord {
  const { tokens, completionStart } = instructionTokens(base, instruction);
  return { ...instruction, contributorId, tokens: tokens.length - completionStart };
}

function exampleOf(instruction: Instruction, base: LoadedModel): Example {
  const { tokens, completionStart } = instructionTokens(base, instruction);
  return completionExample(tokens, completionStart);
}
