import { invariant } from '@openledger/kernel';

/**
 * The Shapley value of each of `players` (Shapley 1953): its marginal contribution to a subset that forms in random order,
 * on average. Exact, from the values of all subsets.
 *
 * @param values by subset: bit i of the index says that player i is in it
 */
export function shapleyValues(players: number, values: ArrayLike<number>): number[] {
  const subsets = 2 ** players;
  invariant(values.length === subsets, `${players} players have ${subsets} subsets`);
  const weights = marginalWeights(players);
  return Array.from({ length: players }, (_, player) => {
    let value = 0;
    for (let subset = 0; subset < subsets; subset += 1) {
      if ((subset >> player) & 1) continue;
      const gain = (values[subset | (1 << player)] ?? 0) - (values[subset] ?? 0);
      value += (weights[bitCount(subset)] ?? 0) * gain;
    }
    return value;
  });
}

/** s!(n − s − 1)!/n! by the size s of the subset that is joined. */
function marginalWeights(players: number): number[] {
  const weights: number[] = [];
  // 1 / (n · C(n − 1, s)), from one to the next.
  let weight = 1 / players;
  for (let size = 0; size < players; size += 1) {
    weights.push(weight);
    weight *= (size + 1) / (players - 1 - size);
  }
  return weights;
}

function bitCount(subset: number): number {
  let count = 0;
  for (let rest = subset; rest > 0; rest &= rest - 1) count += 1;
  return count;
}
