import type { Royalties, RoyaltyShare } from './split-fee.js';

/** A version that a model descends from. */
export interface Ancestor {
  readonly developerId: string;
  /** Share of what it was trained on, ppb by contributor. */
  readonly baseShares: ReadonlyMap<string, bigint>;
}

/** Older ones weigh under half a per cent of the nearest: they are left out. */
export const GENERATIONS_MAX = 8;

/**
 * Who earns what of the royalty of a model's answers. Each generation weighs half of the one after it, so that a long
 * chain of versions cannot thin out those whom the model stands on directly. A developer earns nothing from himself.
 *
 * @param ancestors nearest first
 */
export function royaltiesOf(developerId: string, ancestors: readonly Ancestor[]): Royalties {
  const developers = new Map<string, bigint>();
  const contributors = new Map<string, bigint>();
  for (const [index, ancestor] of ancestors.slice(0, GENERATIONS_MAX).entries()) {
    const weight = 2n ** BigInt(GENERATIONS_MAX - 1 - index);
    if (ancestor.developerId !== developerId) add(developers, ancestor.developerId, weight);
    for (const [id, ppb] of ancestor.baseShares) add(contributors, id, weight * ppb);
  }
  return { developers: sharesOf(developers), contributors: sharesOf(contributors) };
}

function add(weights: Map<string, bigint>, id: string, weight: bigint): void {
  weights.set(id, (weights.get(id) ?? 0n) + weight);
}

const sharesOf = (weights: ReadonlyMap<string, bigint>): RoyaltyShare[] =>
  [...weights]
    .filter(([, weight]) => weight > 0n)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([payeeId, weight]) => ({ payeeId, weight }));
