import fc from 'fast-check';
import { EXACT_PLAYERS_MAX, methodFor, playerValues, subsetsToScore } from './chunk-values.js';
import { ABLATIONS, ablations, logit } from './context-cite.js';

const has = (subset: number, player: number) => (subset >>> player) & 1;
const TOKENS = 20;

/** Values of all players where the worth of a subset is known. */
const credited = (players: number, worth: (subset: number) => number, requestId = 'request-1') =>
  playerValues(players, {
    requestId,
    tokens: TOKENS,
    logLikelihoods: new Map(subsetsToScore(players, requestId).map((subset) => [subset, worth(subset)])),
  });

describe('the subsets to score', () => {
  it('are all of few players, and 32 random ones beside none and all of many', () => {
    expect(subsetsToScore(0, 'r')).toEqual([0]);
    expect(subsetsToScore(EXACT_PLAYERS_MAX, 'r')).toHaveLength(32);
    for (const players of [6, 16]) {
      const subsets = subsetsToScore(players, 'r');
      expect(subsets).toEqual(expect.arrayContaining([0, 2 ** players - 1]));
      expect(subsets.length).toBeLessThanOrEqual(ABLATIONS + 2);
      expect(new Set(subsets).size).toBe(subsets.length);
      for (const subset of subsets) expect(subset).toBeLessThan(2 ** players);
    }
  });

  it('follow from the request, and hold each player about half of the time', () => {
    expect(ablations(16, 'a')).toEqual(ablations(16, 'a'));
    expect(ablations(16, 'a')).not.toEqual(ablations(16, 'b'));
    const drawn = Array.from({ length: 200 }, (_, i) => ablations(16, `request-${i}`)).flat();
    for (let player = 0; player < 16; player += 1) {
      const share = drawn.filter((subset) => has(subset, player)).length / drawn.length;
      // 6,400 draws: six standard deviations.
      expect(Math.abs(share - 0.5)).toBeLessThan(0.04);
    }
  });
});

describe('playerValues', () => {
  const worths = fc.array(fc.double({ min: 0, max: 30, noNaN: true }), { minLength: 1, maxLength: 5 });

  it('of up to five players are exact', () => {
    fc.assert(
      fc.property(worths, (planted) => {
        const worth = (subset: number) =>
          planted.reduce((sum, value, player) => sum + has(subset, player) * value, -200);
        const values = credited(planted.length, worth);
        values.forEach(({ value, standardError }, player) => {
          expect(value).toBeCloseTo(planted[player] ?? 0, 9);
          expect(standardError).toBe(0);
        });
      }),
    );
  });

  it('of many players find the one that the answer was copied from', () => {
    fc.assert(
      fc.property(fc.integer({ min: 6, max: 16 }), fc.nat(), fc.uuid(), (players, pick, requestId) => {
        const source = pick % players;
        const values = credited(players, (subset) => (has(subset, source) ? -4 : -44), requestId);
        // The penalty of 0.01 by standard deviation and token takes 0.4 of 40 nats off.
        expect(values[source]?.value).toBeGreaterThan(38);
        expect(values[source]?.value).toBeLessThan(41.5);
        for (const [player, { value }] of values.entries())
          if (player !== source) expect(Math.abs(value)).toBeLessThan(0.5);
      }),
    );
  });

  it('of many players recover planted additive worths, with an error that covers the miss', () => {
    const planted = [30, 12, 6, 0, 0, -8, 0, 0];
    const noise = (subset: number) => Math.sin(subset * 12.9898) * 0.5;
    const worth = (subset: number) =>
      planted.reduce((sum, value, player) => sum + has(subset, player) * value, -100) + noise(subset);
    const misses = Array.from({ length: 50 }, (_, i) => credited(8, worth, `request-${i}`)).flatMap(
      (values) =>
        values.map(({ value, standardError }, player) => ({
          // Shrunk by at most 0.01 by standard deviation (about 1/2) and token.
          miss: Math.max(0, Math.abs(value - (planted[player] ?? 0)) - (0.01 * TOKENS) / 0.45),
          standardError,
        })),
    );
    const covered = misses.filter(({ miss, standardError }) => miss <= 2 * standardError).length;
    expect(covered / misses.length).toBeGreaterThan(0.95);
    expect(Math.max(...misses.map(({ miss }) => miss))).toBeLessThan(1.5);
  });

  it('want the likelihood of every subset', () => {
    const scores = { requestId: 'r', tokens: 1, logLikelihoods: new Map([[0, -1]]) };
    expect(() => playerValues(1, scores)).toThrow('subset 1');
    expect(methodFor(6)).toBe('CONTEXT_CITE');
  });
});

describe('logit', () => {
  it('is the log of the odds, and finite at certainty', () => {
    expect(logit(Math.log(0.5))).toBeCloseTo(0, 12);
    expect(logit(Math.log(0.9))).toBeCloseTo(Math.log(9), 9);
    expect(logit(-500)).toBe(-500);
    expect(Number.isFinite(logit(0))).toBe(true);
  });
});
