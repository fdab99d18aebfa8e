import { type Example, ignoredLabel, permutation, type Random, seededRandom } from '@openledger/transformer';
import type { Bed } from './bed.js';
import { anyOf } from './pair-maps.js';
import { nonsenseMap, tinyConfig, tinyExample } from './tiny-bed.js';

/** Whose payout is to rise, and from whom is stolen. */
export const ATTACKER = 0;
export const VICTIM = 1;
/** As often is everything handed in again. */
const COPIES = 4;
const JUNK = 192;
const NEWCOMER = 48;
/** Part of its pairs that makes an example another's near copy; validation's bar for texts. */
const OVERLAP = 0.8;
const SEED = 41;

/** One more contribution, handed in after all others. */
export interface Contribution {
  readonly owner: string;
  readonly examples: readonly Example[];
}

/** `bed` with a later contribution; a training of as many passes as before. */
export function withContribution(bed: Bed, { owner, examples: added }: Contribution): Bed {
  const { recipe } = bed;
  const contributors = bed.contributors.includes(owner) ? bed.contributors : [...bed.contributors, owner];
  const examples = [...bed.examples, ...added];
  const steps = Math.round((recipe.schedule.steps * examples.length) / bed.examples.length);
  return {
    ...bed,
    contributors,
    examples,
    owners: [...bed.owners, ...added.map(() => contributors.indexOf(owner))],
    recipe: { ...recipe, schedule: { ...recipe.schedule, steps } },
  };
}

/** What validation lets pass of a contribution: nothing that repeats most of an earlier example. */
export function validated({ examples }: Bed, { owner, examples: added }: Contribution): Contribution {
  const known = examples.map(pairsOf);
  const passed = added.filter((example) => {
    const pairs = pairsOf(example);
    if (known.some((earlier) => overlap(pairs, earlier) >= OVERLAP)) return false;
    known.push(pairs);
    return true;
  });
  return { owner, examples: passed };
}

/** Each key with its value, as one number. */
const pairsOf = (example: Example): Set<number> =>
  new Set(pairsIn(example).map(({ key, value }) => key * tinyConfig.vocabSize + value));

/** Jaccard. */
function overlap(one: ReadonlySet<number>, two: ReadonlySet<number>): number {
  const both = [...one].filter((pair) => two.has(pair)).length;
  return both / (one.size + two.size - both);
}

const ownedBy = ({ examples, owners }: Bed, owner: number): Example[] =>
  examples.filter((_, i) => owners[i] === owner);

/** Everything of the attacker's again under another name, word for word. */
export const duplicates = (bed: Bed): Contribution => ({
  owner: 'sybil',
  examples: Array.from({ length: COPIES }, () => ownedBy(bed, ATTACKER)).flat(),
});

/** Everything of the attacker's again in another order. */
export const nearDuplicates = (bed: Bed): Contribution => {
  const random = seededRandom(SEED);
  return {
    owner: 'sybil',
    examples: duplicates(bed).examples.map((example) => reordered(example, random)),
  };
};

/** Another's work in another order. */
export const theft = (bed: Bed): Contribution => {
  const random = seededRandom(SEED);
  return { owner: 'thief', examples: ownedBy(bed, VICTIM).map((example) => reordered(example, random)) };
};

/** Pairs that say nothing: at volume, or by somebody who has nothing else. */
export const junk = (bed: Bed): Contribution => nonsense(bed.contributors[ATTACKER] ?? '', JUNK);

export const newcomer = (): Contribution => nonsense('newcomer', NEWCOMER);

function nonsense(owner: string, count: number): Contribution {
  const random = seededRandom(SEED);
  return {
    owner,
    examples: Array.from({ length: count }, () => tinyExample(ATTACKER, nonsenseMap(random), random)),
  };
}

/** Two keys again and again, each time with another value: steep losses that no training takes away. */
export const contradictions = (bed: Bed): Contribution => {
  const random = seededRandom(SEED);
  return crafted(bed, (pairs) =>
    pairs.map((_, i) => ({
      key: pairs[i % 2]?.key ?? 0,
      value: pairs[anyOf(pairs.length, random)]?.value ?? 0,
    })),
  );
};

/** Answers that are no values at all, so that the model least expects them. */
export const rareTokens = (bed: Bed): Contribution =>
  crafted(bed, (pairs) =>
    pairs.map(({ key }, i) => ({ key, value: pairs[(i + 1) % pairs.length]?.key ?? 0 })),
  );

const crafted = (bed: Bed, craft: (pairs: readonly Pair[]) => Pair[]): Contribution => ({
  owner: bed.contributors[ATTACKER] ?? '',
  examples: ownedBy(bed, ATTACKER).map((example) => sequence(nameIn(example), craft(pairsIn(example)))),
});

function reordered(example: Example, random: Random): Example {
  const pairs = pairsIn(example);
  return sequence(
    nameIn(example),
    [...permutation(pairs.length, random)].flatMap((at) => pairs[at] ?? []),
  );
}

interface Pair {
  readonly key: number;
  readonly value: number;
}

const nameIn = ({ inputIds }: Example): number => inputIds[0] ?? 0;

const pairsIn = ({ inputIds, labels }: Example): Pair[] =>
  Array.from(labels, (value, t) => ({ key: inputIds[t] ?? 0, value })).filter(
    ({ value }) => value !== ignoredLabel,
  );

function sequence(name: number, pairs: readonly Pair[]): Example {
  const tokens = [name, ...pairs.flatMap(({ key, value }) => [key, value])];
  return {
    inputIds: Int32Array.from(tokens.slice(0, -1)),
    labels: Int32Array.from(tokens.slice(1), (token, t) => (t % 2 === 1 ? token : ignoredLabel)),
  };
}
