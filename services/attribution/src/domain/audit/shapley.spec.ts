import { seededRandom } from '@openledger/transformer';
import { membersOf, shapleyValues } from './shapley.js';

const random = seededRandom(8);
const game = (players: number) => Float64Array.from({ length: 2 ** players }, () => random() - 0.3);
const sum = (values: ArrayLike<number>) => Array.from(values).reduce((total, value) => total + value, 0);
const sizes = [1, 2, 3, 5, 8];

/** The mean of what a player adds, over every order in which players can come. */
function byOrders(values: ArrayLike<number>, players: readonly number[], coalition = 0): number[] {
  const result = new Array<number>(Math.log2(values.length)).fill(0);
  for (const player of players) {
    const joined = coalition | (1 << player);
    const rest = players.filter((other) => other !== player);
    const later = byOrders(values, rest, joined);
    for (const [p, value] of later.entries()) result[p] = (result[p] ?? 0) + value / players.length;
    const added = (values[joined] ?? 0) - (values[coalition] ?? 0);
    result[player] = (result[player] ?? 0) + added / players.length;
  }
  return result;
}

describe('shapleyValues', () => {
  it.each([1, 2, 3, 4, 5])('is the mean over all orders of %i players', (players) => {
    const values = game(players);
    const expected = byOrders(values, membersOf(2 ** players - 1));
    for (const [p, value] of shapleyValues(values).entries()) expect(value).toBeCloseTo(expected[p] ?? 0, 12);
  });

  it.each(sizes)('shares out exactly what %i players make together', (players) => {
    const values = game(players);
    expect(sum(shapleyValues(values))).toBeCloseTo((values.at(-1) ?? 0) - (values[0] ?? 0), 12);
  });

  it.each(sizes)('gives nothing to one of %i players who adds nothing', (players) => {
    const values = game(players);
    const idle = 1 << (players - 1);
    for (let coalition = 0; coalition < values.length; coalition++) {
      values[coalition] = values[coalition & ~idle] ?? 0;
    }
    expect(shapleyValues(values)[players - 1]).toBeCloseTo(0, 12);
  });

  it('gives players who add the same the same', () => {
    const values = game(6);
    const swapped = (coalition: number) =>
      (coalition & ~0b11) | ((coalition & 1) << 1) | ((coalition >> 1) & 1);
    const symmetric = values.map((value, coalition) => value + (values[swapped(coalition)] ?? 0));
    const [one, two] = shapleyValues(symmetric);
    expect(one).toBeCloseTo(two ?? Number.NaN, 12);
  });

  it('is linear in the game', () => {
    const [one, two] = [game(5), game(5)];
    const together = shapleyValues(one.map((value, i) => 2 * value - 3 * (two[i] ?? 0)));
    const [first, second] = [shapleyValues(one), shapleyValues(two)];
    for (const [p, value] of together.entries()) {
      expect(value).toBeCloseTo(2 * (first[p] ?? 0) - 3 * (second[p] ?? 0), 12);
    }
  });

  it('refuses a table that is not of all coalitions', () => {
    for (const length of [0, 1, 3, 6]) {
      expect(() => shapleyValues(new Float64Array(length))).toThrow(/2\^n coalition values/);
    }
  });
});

describe('membersOf', () => {
  it('reads the bits of a coalition', () => {
    expect(membersOf(0)).toEqual([]);
    expect(membersOf(0b10_0101)).toEqual([0, 2, 5]);
  });
});
