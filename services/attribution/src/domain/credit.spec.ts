import { PPB } from '@openledger/kernel';
import fc from 'fast-check';
import { creditOf, type Evidence } from './credit.js';

const evidence: Evidence = {
  influence: [10, 2, -1],
  decoys: [0.1, -0.1],
  recordCounts: [4, 4, 4],
  spanNats: [0, 0, 0],
  baseLogLikelihood: -20,
  adapterLogLikelihood: -5,
};
const total = ({ contributors, baseModel, reserve }: ReturnType<typeof creditOf>) =>
  contributors.reduce((sum, share) => sum + share, baseModel + reserve);

const score = fc.double({ min: -1e6, max: 1e6, noNaN: true });
const anyEvidence = fc.integer({ min: 1, max: 12 }).chain((count) => {
  const list = (value: fc.Arbitrary<number>) => fc.array(value, { minLength: count, maxLength: count });
  return fc.record({
    influence: list(score),
    decoys: fc.array(score, { maxLength: 8 }),
    recordCounts: list(fc.integer({ min: 1, max: 10_000 })),
    spanNats: list(score),
    baseLogLikelihood: fc.double({ min: -1e5, max: 0, noNaN: true }),
    adapterLogLikelihood: fc.double({ min: -1e5, max: 0, noNaN: true }),
  });
});

describe('creditOf', () => {
  it('always sums to one', () => {
    fc.assert(
      fc.property(anyEvidence, (any) => {
        const credit = creditOf(any);
        expect(total(credit)).toBe(PPB);
        for (const share of [...credit.contributors, credit.baseModel, credit.reserve])
          expect(share >= 0n).toBe(true);
      }),
    );
  });

  it('gives the adapter’s pool to those who stand above chance, in proportion', () => {
    const { contributors, baseModel, reserve } = creditOf(evidence);
    expect(baseModel).toBe(PPB / 4n);
    expect(contributors[2]).toBe(0n);
    expect(Number(contributors[0]) / Number(contributors[1])).toBeCloseTo((10 - 0.2) / (2 - 0.2), 6);
    expect(reserve).toBeGreaterThan(0n);
    expect(reserve).toBeLessThan(PPB / 50n);
  });

  it('gives everything to base and reserve where the adapter or the data explain nothing', () => {
    const unhelpful = creditOf({ ...evidence, adapterLogLikelihood: -25 });
    expect(unhelpful).toEqual({ contributors: [0n, 0n, 0n], baseModel: PPB, reserve: 0n });
    const unexplained = creditOf({ ...evidence, influence: [0.1, 0, -3] });
    expect(unexplained.contributors).toEqual([0n, 0n, 0n]);
    expect(unexplained.reserve).toBe((PPB * 3n) / 4n);
  });

  it('pays no more to who pads his data with junk', () => {
    const padded = creditOf({ ...evidence, influence: [10 - 0.5, 2, -1], recordCounts: [400, 4, 4] });
    expect(padded.contributors[0]).toBeLessThan(creditOf(evidence).contributors[0] ?? 0n);
  });

  it('lets verbatim spans re-weight by a quarter at most, and only those with influence', () => {
    const spans = creditOf({ ...evidence, spanNats: [0, 5, 50] });
    const plain = creditOf(evidence);
    expect(spans.contributors[2]).toBe(0n);
    const moved = Number((spans.contributors[1] ?? 0n) - (plain.contributors[1] ?? 0n)) / Number(PPB);
    expect(moved).toBeGreaterThan(0);
    expect(moved).toBeLessThanOrEqual(0.25);
  });
});
