import fc from 'fast-check';
import { shapleyValues } from './shapley.js';

const nats = fc.double({ min: -50, max: 50, noNaN: true });
/** A game of up to five players: the worth of every subset. */
const game = fc.integer({ min: 1, max: 5 }).chain((players) =>
  fc.record({
    players: fc.constant(players),
    values: fc.array(nats, { minLength: 2 ** players, maxLength: 2 ** players }),
  }),
);

const permutations = (items: readonly number[]): number[][] =>
  items.length === 0
    ? [[]]
    : items.flatMap((item) =>
        permutations(items.filter((other) => other !== item)).map((rest) => [item, ...rest]),
      );

describe('shapleyValues', () => {
  it('is the mean gain over all orders of arrival', () => {
    fc.assert(
      fc.property(game, ({ players, values }) => {
        const orders = permutations(Array.from({ length: players }, (_, i) => i));
        const sums = Array.from({ length: players }, () => 0);
        for (const order of orders) {
          let subset = 0;
          for (const player of order) {
            const gain = (values[subset | (1 << player)] ?? 0) - (values[subset] ?? 0);
            sums[player] = (sums[player] ?? 0) + gain / orders.length;
            subset |= 1 << player;
          }
        }
        shapleyValues(players, values).forEach((value, i) => {
          expect(value).toBeCloseTo(sums[i] ?? 0, 9);
        });
      }),
      { numRuns: 100 },
    );
  });

  it('is efficient: what all add, no more and no less', () => {
    fc.assert(
      fc.property(game, ({ players, values }) => {
        const total = shapleyValues(players, values).reduce((a, b) => a + b, 0);
        expect(total).toBeCloseTo((values.at(-1) ?? 0) - (values[0] ?? 0), 9);
      }),
    );
  });

  it('gives equals the same and a null player nothing', () => {
    fc.assert(
      fc.property(fc.array(nats, { minLength: 8, maxLength: 8 }), (inner) => {
        // Players 0 and 1 are interchangeable; player 2 never matters.
        const worth = (subset: number) => {
          const equals = (subset & 1) + ((subset >> 1) & 1);
          return inner[equals + ((subset >> 3) & 1) * 3] ?? 0;
        };
        const values = Array.from({ length: 16 }, (_, subset) => worth(subset));
        const [a = 0, b = 1, nobody] = shapleyValues(4, values);
        expect(a).toBeCloseTo(b, 9);
        expect(nobody).toBeCloseTo(0, 12);
      }),
    );
  });

  it('recovers an additive game', () => {
    fc.assert(
      fc.property(fc.array(nats, { minLength: 1, maxLength: 5 }), (worths) => {
        const values = Array.from({ length: 2 ** worths.length }, (_, subset) =>
          worths.reduce((sum, worth, i) => sum + ((subset >> i) & 1) * worth, -7),
        );
        shapleyValues(worths.length, values).forEach((value, i) => {
          expect(value).toBeCloseTo(worths[i] ?? 0, 9);
        });
      }),
    );
  });

  it('wants every subset', () => {
    expect(() => shapleyValues(2, [0, 1, 2])).toThrow('4 subsets');
  });
});
