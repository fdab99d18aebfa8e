import { normal, seededRandom } from '@openledger/transformer';
import { positiveShares } from './payout.js';
import { type AuditMethod, type AuditTable, reliabilityOf } from './reliability.js';

const GROUPS = 6;
const baseShares = new Array<number>(GROUPS).fill(1 / GROUPS);
const random = seededRandom(11);
const row = () => Array.from({ length: GROUPS }, () => normal(random) + 1);
const measured = Array.from({ length: 30 }, row);
const table = (predicted: readonly number[][], method: AuditMethod = 'SHAPLEY'): AuditTable => ({
  method,
  predicted,
  measured: measured.slice(0, predicted.length),
  baseShares,
});
const noisy = (noise: number) =>
  measured.map((values) => values.map((value) => value + noise * normal(random)));

describe('reliabilityOf', () => {
  it('is 1 where predictions pay what the truth would pay, in whatever unit', () => {
    const scaled = measured.map((values, q) => values.map((value) => value * (q + 1)));
    const { misdirected, ...rest } = reliabilityOf(table(scaled), seededRandom(1));
    expect(rest).toEqual({ reliabilityPpb: 1e9, lowPpb: 1e9, highPpb: 1e9 });
    expect(misdirected.byBlend).toBeCloseTo(0, 12);
    expect(misdirected.byInfluence).toBeCloseTo(0, 12);
    expect(misdirected.byBase).toBeGreaterThan(0.1);
  });

  it('is 0 where they know nothing or the opposite', () => {
    const opposite = measured.map((values) => values.map((value) => 1 - value));
    expect(reliabilityOf(table(opposite), seededRandom(1)).reliabilityPpb).toBe(0);
    const blind = reliabilityOf(table(measured.map(row)), seededRandom(1));
    expect(blind.reliabilityPpb).toBeLessThan(250_000_000);
    expect(blind.lowPpb).toBe(0);
  });

  it('falls with noise, with an interval about it', () => {
    const results = [0.2, 1, 3].map((noise) => reliabilityOf(table(noisy(noise)), seededRandom(1)));
    const values = results.map(({ reliabilityPpb }) => reliabilityPpb);
    expect(values).toEqual(values.toSorted((a, b) => b - a));
    expect(values[0]).toBeGreaterThan(800_000_000);
    for (const { lowPpb, highPpb, reliabilityPpb } of results) {
      expect(lowPpb).toBeLessThanOrEqual(reliabilityPpb);
      expect(highPpb).toBeGreaterThanOrEqual(reliabilityPpb);
      expect(highPpb - lowPpb).toBeGreaterThan(0);
    }
  });

  it('is the share at which the squared error is least, where predictions are poor', () => {
    const predicted = noisy(2);
    const { reliabilityPpb, misdirected } = reliabilityOf(table(predicted), seededRandom(1));
    const best = reliabilityPpb / 1e9;
    const error = (share: number) =>
      predicted.reduce((sum, values, q) => {
        const truth = positiveShares(measured[q] ?? []);
        const paid = positiveShares(values).map((w, g) => share * w + (1 - share) * (baseShares[g] ?? 0));
        return sum + paid.reduce((part, value, g) => part + (value - (truth[g] ?? 0)) ** 2, 0);
      }, 0);
    expect(best).toBeGreaterThan(0.1);
    expect(error(best)).toBeLessThan(error(best + 0.02));
    expect(error(best)).toBeLessThan(error(best - 0.02));
    expect(misdirected.byBlend).toBeLessThan(Math.min(misdirected.byBase, misdirected.byInfluence));
  });

  it('is no more than what is paid as the truth would pay it', () => {
    // One contributor is behind every query; predictions find him and give him half.
    const [truth, predicted] = [
      [1, 0, 0, 0, 0, 0],
      [5, 1, 1, 1, 1, 1],
    ];
    const rows = {
      method: 'SHAPLEY',
      predicted: [predicted, predicted],
      measured: [truth, truth],
      baseShares,
    } as const;
    const { reliabilityPpb, misdirected } = reliabilityOf(rows, seededRandom(1));
    expect(reliabilityPpb).toBe(500_000_000);
    expect(misdirected.byInfluence).toBeCloseTo(0.5, 12);
  });

  it('promises no more than its method can vouch for', () => {
    const { reliabilityPpb, highPpb } = reliabilityOf(table(measured, 'LOCAL_STEP'), seededRandom(1));
    expect(reliabilityPpb).toBe(500_000_000);
    expect(highPpb).toBe(500_000_000);
  });

  it('knows no interval from one query, and refuses what is not a number', () => {
    const one = reliabilityOf(table(measured.slice(0, 1)), seededRandom(1));
    expect(one).toMatchObject({ lowPpb: 0, highPpb: 1_000_000_000 });
    expect(() => reliabilityOf(table([[Number.NaN, 1, 1, 1, 1, 1]]), seededRandom(1))).toThrow(/finite/);
  });
});
