import { shapleyValues } from '@openledger/attribution/engine';
import { permutation, seededRandom } from '@openledger/transformer';
import type { Bed } from './bed.js';
import { type RetrainJob, retrains } from './retrains.js';

/** How many subsets of each kind are retrained; none where absent. */
export interface TruthPlan {
  /** Subsets without half of the examples. */
  readonly half?: number;
  readonly tenth?: number;
  readonly fiftieth?: number;
  /** So many of the halves once more under another seed: how well truth agrees with itself. */
  readonly otherSeed?: number;
  /** All coalitions of contributors, or all contributors but one at a time. */
  readonly contributors?: 'SHAPLEY' | 'LEAVE_ONE_OUT';
}

/** Subsets of the examples and what training on each gave. */
export interface Subsets {
  /** One row a subset, one number an example: 0 where it is left out, else 1. */
  readonly weights: readonly Float64Array[];
  /** One row a query, one number a subset: mean NLL per scored token, nats. */
  readonly losses: readonly Float64Array[];
}

export interface GroundTruth {
  /** Each query's loss after the training on everything, and without an adapter's training. */
  readonly full: Float64Array;
  readonly base: Float64Array;
  readonly half: Subsets;
  readonly tenth: Subsets;
  readonly fiftieth: Subsets;
  /** Of the first so many halves, under another seed. */
  readonly otherSeed: Subsets;
  /** One row a query: what each contributor takes off its loss. Empty where not asked for. */
  readonly contributors: readonly Float64Array[];
}

const MASK_SEED = 77;
const OTHER_SEED = 1_000;

/** Removals with fixed seeds, each by a training of its own; see {@link retrains} for where they are kept. */
export async function groundTruth(
  bed: Bed,
  plan: TruthPlan,
  log: (line: string) => void,
): Promise<GroundTruth> {
  const examples = bed.examples.length;
  const masks = {
    half: removals(examples, 0.5, plan.half ?? 0),
    tenth: removals(examples, 0.1, plan.tenth ?? 0),
    fiftieth: removals(examples, 0.02, plan.fiftieth ?? 0),
  };
  const coalitions = coalitionsOf(bed, plan.contributors).map((members) => weightsOf(bed, members));
  const other = masks.half.slice(0, plan.otherSeed ?? 0);
  const everybody = new Float64Array(examples).fill(1);
  const parts: readonly (readonly RetrainJob[])[] = [
    [{ weights: everybody }, { weights: new Float64Array(examples) }],
    masks.half.map((weights) => ({ weights })),
    masks.tenth.map((weights) => ({ weights })),
    masks.fiftieth.map((weights) => ({ weights })),
    coalitions.map((weights) => ({ weights })),
    other.map((weights) => ({ weights, seed: bed.recipe.seed + OTHER_SEED })),
  ];
  const results = await retrains(bed, parts.flat(), log);
  const starts = parts.map((_, part) => parts.slice(0, part).flat().length);
  const [whole = [], half = [], tenth = [], fiftieth = [], byCoalition = [], otherSeed = []] = parts.map(
    ({ length }, part) => results.slice(starts[part], (starts[part] ?? 0) + length),
  );
  const [full = new Float64Array(0), base = new Float64Array(0)] = whole;
  const subsets = (weights: readonly Float64Array[], rows: readonly Float64Array[]): Subsets => ({
    weights,
    losses: byQuery(rows, bed.queries.length),
  });
  return {
    full,
    base,
    half: subsets(masks.half, half),
    tenth: subsets(masks.tenth, tenth),
    fiftieth: subsets(masks.fiftieth, fiftieth),
    otherSeed: subsets(other, otherSeed),
    contributors: byQuery(byCoalition, bed.queries.length).map((losses, q) =>
      contributions(losses, full[q] ?? Number.NaN, plan.contributors),
    ),
  };
}

/** So many random removals of a share of the examples; the same ones again from the same sizes. */
function removals(examples: number, share: number, count: number): Float64Array[] {
  const random = seededRandom(MASK_SEED + Math.round(share * 1_000));
  return Array.from({ length: count }, () => {
    const weights = new Float64Array(examples).fill(1);
    for (const left of permutation(examples, random).subarray(0, Math.floor(share * examples))) {
      weights[left] = 0;
    }
    return weights;
  });
}

/** Contributors of each coalition; those of a Shapley table in the order of their bits. */
function coalitionsOf({ contributors }: Bed, kind: TruthPlan['contributors']): number[][] {
  const all = [...contributors.keys()];
  if (kind === 'LEAVE_ONE_OUT') return all.map((left) => all.filter((other) => other !== left));
  if (kind === undefined) return [];
  return Array.from({ length: 2 ** all.length }, (_, coalition) =>
    all.filter((contributor) => (coalition >> contributor) & 1),
  );
}

function weightsOf({ owners }: Bed, members: readonly number[]): Float64Array {
  return Float64Array.from(owners, (owner) => (members.includes(owner) ? 1 : 0));
}

/** The loss that each contributor takes away. */
function contributions(losses: Float64Array, full: number, kind: TruthPlan['contributors']): Float64Array {
  if (kind === 'SHAPLEY') return shapleyValues(losses.map((loss) => -loss));
  return losses.map((without) => without - full);
}

const byQuery = (rows: readonly Float64Array[], queries: number): Float64Array[] =>
  rows.length === 0
    ? []
    : Array.from({ length: queries }, (_, q) => Float64Array.from(rows, (row) => row[q] ?? Number.NaN));
