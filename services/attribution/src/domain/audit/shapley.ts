import { DomainError } from '@openledger/kernel';

/** 2^20 values are 8 MB; more players than this are not enumerated. */
const PLAYERS_MAX = 20;

/**
 * Exact Shapley values (Shapley 1953) of a game whose every coalition has been valued.
 *
 * @param values 2^n numbers; bit p of an index says whether player p is in the coalition.
 * @returns one value a player; they sum to the value of all less that of none.
 */
export function shapleyValues(values: ArrayLike<number>): Float64Array {
  const players = Math.round(Math.log2(values.length));
  if (2 ** players !== values.length || players < 1 || players > PLAYERS_MAX) {
    const message = `Shapley values need 2^n coalition values with n from 1 to ${PLAYERS_MAX}, not ${values.length}.`;
    throw new DomainError('invalid', 'COALITIONS_INCOMPLETE', message);
  }
  const weights = orderWeights(players);
  const result = new Float64Array(players);
  for (let coalition = 0; coalition < values.length; coalition++) {
    const weight = weights[sizeOf(coalition)] ?? 0;
    for (let player = 0; player < players; player++) {
      if ((coalition >> player) & 1) continue;
      const joined = (values[coalition | (1 << player)] ?? 0) - (values[coalition] ?? 0);
      result[player] = (result[player] ?? 0) + weight * joined;
    }
  }
  return result;
}

/** The players of a coalition. */
export function membersOf(coalition: number): number[] {
  const members: number[] = [];
  for (let player = 0; 2 ** player <= coalition; player++)
    if ((coalition >> player) & 1) members.push(player);
  return members;
}

/** By size s of the coalition that is joined: s! (n − s − 1)! / n! = 1 / (n · C(n − 1, s)). */
function orderWeights(players: number): number[] {
  const weights: number[] = [];
  let choose = 1;
  for (let size = 0; size < players; size++) {
    weights.push(1 / (players * choose));
    choose = (choose * (players - 1 - size)) / (size + 1);
  }
  return weights;
}

function sizeOf(coalition: number): number {
  let size = 0;
  for (let rest = coalition; rest > 0; rest &= rest - 1) size++;
  return size;
}
