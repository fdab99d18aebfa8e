import { PPB, splitExactly } from '@openledger/kernel';
import fc from 'fast-check';
import { type Attribution, DEFAULT_ROLE_SPLIT, type FeePart, splitFee } from './split-fee.js';

const payees = { developerId: 'dev' };
const sumOf = (parts: readonly FeePart[]): bigint => parts.reduce((sum, part) => sum + part.amountWei, 0n);
const amountOf = (parts: readonly FeePart[], role: string, payeeId = ''): bigint | undefined =>
  parts.find((part) => part.role === role && part.payeeId === payeeId)?.amountWei;

const anAttribution: Attribution = {
  contributors: [
    { contributorId: 'a', influencePpb: 600_000_000n, contextPpb: 0n, basePpb: 500_000_000n },
    { contributorId: 'b', influencePpb: 100_000_000n, contextPpb: 0n, basePpb: 500_000_000n },
  ],
  baseModelPpb: 200_000_000n,
  reservePpb: 100_000_000n,
  reliabilityPpb: 500_000_000n,
};

const weights = (length: number) =>
  fc
    .array(fc.bigInt(0n, 10n ** 9n), { minLength: length, maxLength: length })
    .filter((w) => w.some((x) => x > 0n));
const arbitraryAttribution: fc.Arbitrary<Attribution> = fc.integer({ min: 1, max: 30 }).chain((count) =>
  fc
    .record({ influence: weights(2 * count + 2), base: weights(count), rho: fc.bigInt(0n, PPB) })
    .map((drawn) => {
      const influence = splitExactly(PPB, drawn.influence);
      const base = splitExactly(PPB, drawn.base);
      return {
        contributors: base.map((basePpb, i) => ({
          contributorId: `c${i}`,
          influencePpb: influence[i] ?? 0n,
          contextPpb: influence[count + 2 + i] ?? 0n,
          basePpb,
        })),
        baseModelPpb: influence[count] ?? 0n,
        reservePpb: influence[count + 1] ?? 0n,
        reliabilityPpb: drawn.rho,
      };
    }),
);

/** What chunks did is the base model's instead. */
const withoutContext = (given: Attribution): Attribution => ({
  ...given,
  contributors: given.contributors.map((share) => ({ ...share, contextPpb: 0n })),
  baseModelPpb: given.contributors.reduce((sum, { contextPpb }) => sum + contextPpb, given.baseModelPpb),
});

describe('splitFee', () => {
  it('splits by role, then contributors by pool·(ρ·w + (1−ρ)·b)', () => {
    const parts = splitFee(20_000n, DEFAULT_ROLE_SPLIT, anAttribution, payees);
    expect(amountOf(parts, 'platform')).toBe(2_000n);
    expect(amountOf(parts, 'developer', 'dev')).toBe(4_000n);
    expect(amountOf(parts, 'stakers')).toBe(4_000n);
    expect(amountOf(parts, 'contributor', 'a')).toBe(5_500n);
    expect(amountOf(parts, 'contributor', 'b')).toBe(3_000n);
    // 0.5·(0.2 + 0.1): the base model has no registered owner.
    expect(amountOf(parts, 'reserve')).toBe(1_500n);
    expect(sumOf(parts)).toBe(20_000n);
  });

  it("pays the base model's part to its owner, where there is one", () => {
    const parts = splitFee(20_000n, DEFAULT_ROLE_SPLIT, anAttribution, {
      ...payees,
      baseModelOwnerId: 'lab',
    });
    expect(amountOf(parts, 'base-model', 'lab')).toBe(1_000n);
    expect(amountOf(parts, 'reserve')).toBe(500n);
  });

  it('gives the part of contributors to the reserve where nothing is known of what a model learnt from', () => {
    const unknown = { contributors: [], baseModelPpb: 0n, reservePpb: PPB, reliabilityPpb: 0n };
    const parts = splitFee(20_000n, DEFAULT_ROLE_SPLIT, unknown, { ...payees, baseModelOwnerId: 'lab' });
    expect(amountOf(parts, 'reserve')).toBe(10_000n);
    expect(amountOf(parts, 'developer', 'dev')).toBe(4_000n);
    expect(sumOf(parts)).toBe(20_000n);
  });

  it('sums to the fee to the wei, whatever the shares, and no part is negative', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 2n ** 128n - 1n), arbitraryAttribution, (fee, attribution) => {
        const parts = splitFee(fee, DEFAULT_ROLE_SPLIT, attribution, payees);
        expect(sumOf(parts)).toBe(fee);
        expect(parts.every((part) => part.amountWei >= 0n)).toBe(true);
      }),
    );
  });

  it('does not depend on the order of contributors', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 10n ** 20n), arbitraryAttribution, (fee, attribution) => {
        const reversed = { ...attribution, contributors: [...attribution.contributors].reverse() };
        expect(splitFee(fee, DEFAULT_ROLE_SPLIT, reversed, payees)).toEqual(
          splitFee(fee, DEFAULT_ROLE_SPLIT, attribution, payees),
        );
      }),
    );
  });

  it('pays by influence alone at reliability one, by base shares alone at zero', () => {
    const sure = splitFee(20_000n, DEFAULT_ROLE_SPLIT, { ...anAttribution, reliabilityPpb: PPB }, payees);
    expect(amountOf(sure, 'contributor', 'a')).toBe(6_000n);
    const unsure = splitFee(20_000n, DEFAULT_ROLE_SPLIT, { ...anAttribution, reliabilityPpb: 0n }, payees);
    expect(amountOf(unsure, 'contributor', 'a')).toBe(5_000n);
    expect(amountOf(unsure, 'reserve')).toBe(0n);
  });

  it('gains nothing by splitting one contributor in two: at most a wei of rounding', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 10n ** 24n), arbitraryAttribution, (fee, attribution) => {
        const [first, ...others] = attribution.contributors;
        if (!first) return;
        const half = (ppb: bigint) => ppb / 2n;
        const twins = [
          {
            contributorId: 'c0',
            influencePpb: half(first.influencePpb),
            contextPpb: half(first.contextPpb),
            basePpb: half(first.basePpb),
          },
          {
            contributorId: 'c0-twin',
            influencePpb: first.influencePpb - half(first.influencePpb),
            contextPpb: first.contextPpb - half(first.contextPpb),
            basePpb: first.basePpb - half(first.basePpb),
          },
        ];
        const paid = (given: Attribution) =>
          sumOf(
            splitFee(fee, DEFAULT_ROLE_SPLIT, given, payees).filter((part) => part.payeeId.startsWith('c0')),
          );
        const together =
          amountOf(splitFee(fee, DEFAULT_ROLE_SPLIT, attribution, payees), 'contributor', 'c0') ?? 0n;
        expect(paid({ ...attribution, contributors: [...twins, ...others] }) - together <= 1n).toBe(true);
      }),
    );
  });

  it('pays retrieved chunks as measured, and blends what is beside them', () => {
    const retrieved: Attribution = {
      contributors: [
        { contributorId: 'a', influencePpb: 300_000_000n, contextPpb: 0n, basePpb: PPB },
        { contributorId: 'librarian', influencePpb: 0n, contextPpb: 400_000_000n, basePpb: 0n },
      ],
      baseModelPpb: 200_000_000n,
      reservePpb: 100_000_000n,
      reliabilityPpb: 500_000_000n,
    };
    const paid = (reliabilityPpb: bigint) =>
      splitFee(20_000n, DEFAULT_ROLE_SPLIT, { ...retrieved, reliabilityPpb }, payees);
    for (const rho of [0n, PPB / 2n, PPB])
      expect(amountOf(paid(rho), 'contributor', 'librarian')).toBe(4_000n);
    // 0.5 · 0.3 + 0.5 · 0.6 of the pool.
    expect(amountOf(paid(PPB / 2n), 'contributor', 'a')).toBe(4_500n);
    expect(amountOf(paid(PPB / 2n), 'reserve')).toBe(1_500n);
    expect(amountOf(paid(0n), 'contributor', 'a')).toBe(6_000n);
  });

  it('splits without chunks by pool·(ρ·w + (1−ρ)·b) to the wei', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 2n ** 128n - 1n), arbitraryAttribution, (fee, drawn) => {
        const attribution = withoutContext(drawn);
        const { contributors, reliabilityPpb: rho } = attribution;
        const sorted = [...contributors].sort((a, b) => (a.contributorId < b.contributorId ? -1 : 1));
        const earned = sorted.map(({ influencePpb, basePpb }) => rho * influencePpb + (PPB - rho) * basePpb);
        const pool = splitExactly(fee, [1_000n, 2_000n, 2_000n, 5_000n])[3] ?? 0n;
        const rest = PPB * PPB - earned.reduce((sum, weight) => sum + weight, 0n);
        const parts = splitFee(fee, DEFAULT_ROLE_SPLIT, attribution, payees);
        expect(parts.slice(3).map(({ amountWei }) => amountWei)).toEqual(
          splitExactly(pool, [...earned, rest]),
        );
      }),
    );
  });

  it('pays the node out of the platform and the developer, in proportion to their parts', () => {
    const parts = splitFee(30_000n, DEFAULT_ROLE_SPLIT, anAttribution, { ...payees, nodeOperatorId: 'gpu' });
    expect(amountOf(parts, 'node', 'gpu')).toBe(3_000n);
    expect(amountOf(parts, 'platform')).toBe(2_000n);
    expect(amountOf(parts, 'developer', 'dev')).toBe(4_000n);
    expect(amountOf(parts, 'stakers')).toBe(6_000n);
    expect(sumOf(parts)).toBe(30_000n);
  });

  it('pays a royalty of their parts to those behind the ancestors, one part a payee', () => {
    const royalties = {
      developers: [{ payeeId: 'parent', weight: 1n }],
      contributors: [
        { payeeId: 'z', weight: 3n },
        { payeeId: 'parent', weight: 1n },
      ],
    };
    const parts = splitFee(20_000n, DEFAULT_ROLE_SPLIT, anAttribution, { ...payees, royalties });
    // 5 % of the developer's 4,000, and a quarter of 5 % of the pool's 10,000.
    expect(amountOf(parts, 'royalty', 'parent')).toBe(200n + 125n);
    expect(amountOf(parts, 'royalty', 'z')).toBe(375n);
    expect(amountOf(parts, 'developer', 'dev')).toBe(3_800n);
    expect(amountOf(parts, 'contributor', 'b')).toBe(2_850n);
    expect(sumOf(parts)).toBe(20_000n);
  });

  it('sums to the fee with nodes and ancestors, in any order of them', () => {
    const shares = fc.uniqueArray(
      fc.record({ payeeId: fc.string({ minLength: 1 }), weight: fc.bigInt(0n, 2n ** 64n) }),
      { selector: ({ payeeId }) => payeeId, maxLength: 12 },
    );
    const bps = fc.record({
      nodeBps: fc.integer({ min: 0, max: 3_000 }),
      royaltyBps: fc.integer({ min: 0, max: 10_000 }),
    });
    const royaltiesGiven = fc.record({ developers: shares, contributors: shares });
    fc.assert(
      fc.property(
        fc.bigInt(0n, 2n ** 128n - 1n),
        arbitraryAttribution,
        fc.tuple(bps, royaltiesGiven),
        (fee, attribution, [drawnBps, royalties]) => {
          const roles = { ...DEFAULT_ROLE_SPLIT, ...drawnBps };
          const paid = { ...payees, nodeOperatorId: 'gpu', royalties };
          const parts = splitFee(fee, roles, attribution, paid);
          expect(sumOf(parts)).toBe(fee);
          expect(parts.every((part) => part.amountWei >= 0n)).toBe(true);
          const reversed = {
            developers: royalties.developers.toReversed(),
            contributors: royalties.contributors.toReversed(),
          };
          expect(splitFee(fee, roles, attribution, { ...paid, royalties: reversed })).toEqual(parts);
        },
      ),
    );
  });

  it('refuses a node share beyond what it is taken from', () => {
    const greedy = { ...DEFAULT_ROLE_SPLIT, nodeBps: 3_001 };
    expect(() => splitFee(1n, greedy, anAttribution, payees)).toThrow(
      expect.objectContaining({ code: 'SPLIT_OUT_OF_RANGE' }),
    );
  });

  it('refuses shares that do not sum to one, an account given twice, and bps that do not sum to 10,000', () => {
    const short = { ...anAttribution, reservePpb: 99_999_999n };
    expect(() => splitFee(1n, DEFAULT_ROLE_SPLIT, short, payees)).toThrow(/sum to 1e9/);
    const twice = {
      ...anAttribution,
      contributors: anAttribution.contributors.map((c) => ({ ...c, contributorId: 'a' })),
    };
    expect(() => splitFee(1n, DEFAULT_ROLE_SPLIT, twice, payees)).toThrow(/sum to 1e9/);
    expect(() => splitFee(1n, { ...DEFAULT_ROLE_SPLIT, platformBps: 1 }, anAttribution, payees)).toThrow(
      /10,000/,
    );
  });
});
