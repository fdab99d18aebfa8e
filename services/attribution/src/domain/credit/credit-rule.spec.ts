import { PPB } from '@openledger/kernel';
import fc from 'fast-check';
import type { Stake } from '../lineage.js';
import { type AnswerEvidence, creditAnswer } from './credit-rule.js';
import { BASE_FLOOR_PPB } from './pools.js';

const people = ['ada', 'bo', 'cy', 'dee'] as const;
const stakes: readonly Stake[] = people.slice(0, 3).map((contributorId, i) => ({
  contributorId,
  records: 1,
  tokens: 9,
  basePpb: i === 0 ? 400_000_000 : 300_000_000,
}));
const person = fc.constantFrom(...people);
/** Nothing, what a score may be, and what none will ever be. */
const anySize = fc.oneof(
  fc.constant(0),
  fc.double({ min: -3, max: 3, noNaN: true }),
  fc.constantFrom(1e-300, -1e-300, Number.MIN_VALUE, 1e12, -1e12, 1e100),
);
const deviation = anySize.map(Math.abs);
const nats = fc.double({ min: -500, max: 0, noNaN: true });
const likelihoods = fc.record({ base: nats, adapter: nats, context: nats, both: nats });
const record = fc.record({
  cluster: fc.nat(3),
  contributorId: fc.constantFrom('ada', 'bo', 'cy'),
  score: anySize,
  deviation,
  tokens: fc.nat(100),
  withdrawn: fc.boolean(),
});
const training = fc.record({
  clusters: fc
    .array(fc.record({ score: anySize, deviation }), { maxLength: 4 })
    .map((all) => all.map((one, cluster) => ({ cluster, ...one }))),
  records: fc.array(record, { maxLength: 12 }),
  kappa: fc.constantFrom(0, 1, 2),
  spanNats: fc.array(fc.tuple(person, anySize)).map((all) => new Map(all)),
  parties: fc.array(fc.tuple(person, fc.constantFrom('guild', 'firm'))).map((all) => new Map(all)),
});
const chunks = fc.array(
  fc.record({
    owner: fc.option(fc.record({ contributorId: person }), { nil: undefined }),
    value: anySize,
    standardError: deviation,
  }),
  { maxLength: 5 },
);

const evidence = fc.record({ likelihoods, training, chunks }).map(
  ({ chunks: given, ...rest }): AnswerEvidence => ({
    ...rest,
    players: given.map(({ owner }) => ({ owner })),
    chunks: given.map(({ value, standardError }) => ({ value, standardError })),
    stakes,
  }),
);

describe('creditAnswer', () => {
  it('gives whole parts that sum to one billion, whatever was measured', () => {
    fc.assert(
      fc.property(evidence, (given) => {
        const { pools, contributors, reservePpb } = creditAnswer(given);
        const parts = contributors.flatMap(({ influencePpb, contextPpb }) => [influencePpb, contextPpb]);
        for (const part of [...parts, reservePpb]) expect(part).toBeGreaterThanOrEqual(0n);
        const sum = parts.reduce((total, part) => total + part, pools.baseModelPpb + reservePpb);
        expect(sum).toBe(PPB);
        expect(pools.baseModelPpb).toBeGreaterThanOrEqual(BASE_FLOOR_PPB);
        const influence = contributors.reduce((total, { influencePpb }) => total + influencePpb, 0n);
        expect(influence).toBeLessThanOrEqual(pools.trainingPpb);
        expect(contributors.reduce((total, { basePpb }) => total + basePpb, 0)).toBe(1_000_000_000);
        const ids = contributors.map(({ contributorId }) => contributorId);
        expect(ids).toEqual([...new Set(ids)].sort());
        expect(ids).toEqual(expect.arrayContaining(['ada', 'bo', 'cy']));
      }),
      { numRuns: 2000 },
    );
  });

  it('gives nothing of either pool to who added nothing', () => {
    fc.assert(
      fc.property(evidence, person, (given, nobody) => {
        // A sole party is given all that was learnt.
        const { parties } = given.training;
        const known = new Set(given.stakes.map(({ contributorId: id }) => parties.get(id) ?? id));
        fc.pre(known.size !== 1);
        const silent: AnswerEvidence = {
          ...given,
          training: {
            ...given.training,
            records: given.training.records.filter(({ contributorId }) => contributorId !== nobody),
          },
          players: given.players.map(({ owner }) => (owner?.contributorId === nobody ? {} : { owner })),
        };
        const share = creditAnswer(silent).contributors.find(({ contributorId }) => contributorId === nobody);
        expect([share?.influencePpb ?? 0n, share?.contextPpb ?? 0n]).toEqual([0n, 0n]);
      }),
      { numRuns: 500 },
    );
  });

  it('does not depend on the order in which things were measured', () => {
    fc.assert(
      fc.property(evidence, (given) => {
        // Sums of doubles do: of sizes that a double holds exactly they do not.
        const exact = given.training.records.map((one, i) => ({ ...one, score: i + 1, deviation: 0.25 }));
        const clusters = given.training.clusters.map((one, i) => ({ ...one, score: 40 + i, deviation: 1 }));
        const withRecords = (records: typeof exact) =>
          creditAnswer({ ...given, training: { ...given.training, clusters, records } });
        const forward = withRecords(exact);
        const backward = withRecords(exact.toReversed());
        for (const [i, { influencePpb }] of forward.contributors.entries())
          expect(Number(influencePpb - (backward.contributors[i]?.influencePpb ?? -9n))).toBeCloseTo(0, -1);
      }),
    );
  });

  it('keeps a training pool that nobody has a claim to', () => {
    const silent = { clusters: [], records: [], kappa: 1, spanNats: new Map(), parties: new Map() };
    const { contributors, reservePpb, pools } = creditAnswer({
      likelihoods: { base: -100, adapter: -40, context: -100, both: -40 },
      training: silent,
      players: [],
      chunks: [],
      stakes,
    });
    expect(pools).toMatchObject({ baseModelPpb: 400_000_000n, trainingPpb: 600_000_000n });
    expect(reservePpb).toBe(600_000_000n);
    expect(contributors.every(({ influencePpb }) => influencePpb === 0n)).toBe(true);
  });
});
