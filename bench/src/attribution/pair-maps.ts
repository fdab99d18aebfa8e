import { permutation, type Random } from '@openledger/transformer';

/** What each contributor says belongs to each key: values by contributor and key. */
export type PairMaps = readonly (readonly number[])[];

/** Draws without replacement from 0 … count − 1. */
export const drawn = (count: number, size: number, random: Random): number[] => [
  ...permutation(count, random).subarray(0, size),
];

export const anyOf = (count: number, random: Random): number => Math.floor(random() * count);

/**
 * A third of each contributor's pairs is known to all (`common`), a third he shares with his neighbour,
 * a third is his alone: so that credit for a query has a right answer that is neither "his" nor "equal".
 */
export function pairMaps(contributors: number, common: readonly number[], random: Random): PairMaps {
  const keys = common.length;
  const blocks = Array.from({ length: Math.ceil(contributors / 2) }, () => drawn(keys, keys, random));
  return Array.from({ length: contributors }, (_, contributor) => {
    const map = [...common];
    for (const [at, key] of drawn(keys, keys, random).entries()) {
      if (at < keys / 3) continue;
      const shared = at < (2 * keys) / 3;
      map[key] = shared ? (blocks[contributor >> 1]?.[key] ?? 0) : anyOf(keys, random);
    }
    return map;
  });
}
