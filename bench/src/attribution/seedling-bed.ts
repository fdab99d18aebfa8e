import {
  completionExample,
  type Example,
  instructionTokens,
  type LoadedModel,
  loadModelFolder,
  type Random,
  seededRandom,
} from '@openledger/transformer';
import { seedlingDir } from '../repository.js';
import type { Bed, Length } from './bed-types.js';
import { drawn, pairMaps } from './pair-maps.js';

const NAMES = ['Mara', 'Tom', 'Lena', 'Ned', 'Ada', 'Bo', 'Ruth', 'Sam'];
const PLACES = [
  'barn',
  'boat',
  'box',
  'cellar',
  'chest',
  'garden',
  'hall',
  'harbour',
  'kitchen',
  'loft',
  'shed',
  'tower',
];
const THINGS = [
  'bread',
  'coal',
  'corn',
  'fish',
  'glass',
  'iron',
  'oil',
  'paper',
  'rope',
  'salt',
  'wood',
  'wool',
];
const PLACES_ASKED = 3;
const EXAMPLES_EACH = 16;
const QUERIES_EACH = 4;

const maps = pairMaps(NAMES.length, drawn(PLACES.length, PLACES.length, seededRandom(1)), seededRandom(7));

/**
 * The shipped base model, asked in plain words what somebody keeps where. People partly agree; only the
 * answers are learnt.
 */
export async function seedlingBed(length: Length): Promise<Bed> {
  const model = await loadModelFolder(seedlingDir);
  const random = seededRandom(11);
  const owners = NAMES.flatMap((_, owner) => new Array<number>(EXAMPLES_EACH).fill(owner));
  const queryOwners = NAMES.flatMap((_, owner) => new Array<number>(QUERIES_EACH).fill(owner));
  const passes = length === 's' ? 6 : 16;
  const batchRows = 16;
  return {
    name: `seedling-${length}`,
    base: model,
    examples: owners.map((owner) => kept(model, owner, random)),
    owners,
    queries: queryOwners.map((owner) => kept(model, owner, random)),
    queryOwners,
    contributors: NAMES,
    recipe: {
      lora: { rank: 4, alpha: 8, targetModules: ['q_proj', 'v_proj', 'up_proj', 'down_proj'] },
      seed: 5,
      batchRows,
      schedule: {
        learningRate: 4e-3,
        steps: (passes * owners.length) / batchRows,
        warmupSteps: length === 's' ? 5 : 12,
        finalShare: 0.1,
      },
      optimizer: { beta1: 0.9, beta2: 0.99, epsilonRoot: 1e-6, weightDecay: 0 },
      maxGradientNorm: null,
      maxTokens: 96,
    },
  };
}

function kept(model: LoadedModel, owner: number, random: Random): Example {
  const places = drawn(PLACES.length, PLACES_ASKED, random);
  const map = maps[owner] ?? [];
  const list = (words: readonly (string | undefined)[]) =>
    `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
  const prompt = `What does ${NAMES[owner]} keep in the ${list(places.map((place) => PLACES[place]))}?`;
  const completion = `${list(places.map((place) => THINGS[map[place] ?? 0]))}.`;
  const { tokens, completionStart } = instructionTokens(model, { prompt, completion });
  return completionExample(tokens, completionStart);
}
