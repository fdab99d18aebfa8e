import fc from 'fast-check';
import {
  type ClusterScore,
  type RecordScore,
  standsOut,
  type TrainingEvidence,
  trainingCredit,
} from './training-credit.js';

const NOISE = 0.1;
const nats = fc.double({ min: -1, max: 3, noNaN: true });

interface Taught {
  readonly by: string;
  readonly score: number;
  readonly withdrawn?: boolean;
}

/** Clusters of records, each by chance good to {@link NOISE}. */
function evidenceOf(
  clusters: readonly (readonly Taught[])[],
  change: Partial<TrainingEvidence> = {},
): TrainingEvidence {
  const records = clusters.flatMap((own, cluster) =>
    own.map(
      ({ by, score, withdrawn = false }, i): RecordScore => ({
        cluster,
        contributorId: by,
        score,
        deviation: NOISE,
        tokens: 5 + i,
        withdrawn,
      }),
    ),
  );
  return {
    clusters: clusters.map(sumOf),
    records,
    kappa: 1,
    spanNats: new Map(),
    parties: new Map(),
    ...change,
  };
}

const sumOf = (own: readonly Taught[], cluster: number): ClusterScore => ({
  cluster,
  score: own.reduce((sum, { score }) => sum + score, 0),
  deviation: NOISE * Math.sqrt(own.length),
});

const people = ['ada', 'bo', 'cy'] as const;
const taught = fc.record({ by: fc.constantFrom(...people), score: nats });
const clustersOf = fc.array(fc.array(taught, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 5 });
const total = (weights: ReadonlyMap<string, number>) =>
  [...weights.values()].reduce((sum, value) => sum + value, 0);
const weightOf = (weights: ReadonlyMap<string, number>, id: string) => weights.get(id) ?? 0;
const close = (one: number, other: number) =>
  expect(Math.abs(one - other)).toBeLessThanOrEqual(1e-12 * Math.max(1, Math.abs(one), Math.abs(other)));

/** Clear above chance together, no record standing out. */
const lesson = (by: string, count = 12, score = 3.5 * NOISE): Taught[] =>
  Array.from({ length: count }, () => ({ by, score }));

describe('trainingCredit', () => {
  it('pays the same however anybody spreads his records over accounts', () => {
    fc.assert(
      fc.property(
        clustersOf,
        fc.constantFrom(...people),
        fc.integer({ min: 2, max: 4 }),
        (clusters, who, into) => {
          let turn = 0;
          const split = clusters.map((own) =>
            own.map((one) => (one.by === who ? { ...one, by: `${who}#${turn++ % into}` } : one)),
          );
          const [whole, parts] = [trainingCredit(evidenceOf(clusters)), trainingCredit(evidenceOf(split))];
          const accounts = [...parts.contributors].filter(([id]) => id.startsWith(`${who}#`));
          close(total(new Map(accounts)), weightOf(whole.contributors, who));
          for (const other of people.filter((id) => id !== who))
            close(weightOf(parts.contributors, other), weightOf(whole.contributors, other));
          expect(parts.reserve).toBe(whole.reserve);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('pays the same for what accounts of one party hold, spans and all', () => {
    const spanNats = new Map([
      ['guild', 4],
      ['bo', 1],
    ]);
    const one = trainingCredit(
      evidenceOf([lesson('ada'), lesson('bo', 6)], { spanNats, parties: new Map([['ada', 'guild']]) }),
    );
    const spread = lesson('ada').map((record, i) => ({ ...record, by: i % 3 === 0 ? 'ada' : 'eve' }));
    const parties = new Map([
      ['ada', 'guild'],
      ['eve', 'guild'],
    ]);
    const { contributors } = trainingCredit(evidenceOf([spread, lesson('bo', 6)], { spanNats, parties }));
    close(weightOf(contributors, 'ada') + weightOf(contributors, 'eve'), weightOf(one.contributors, 'ada'));
    close(weightOf(contributors, 'bo'), weightOf(one.contributors, 'bo'));
    // Each member keeps his part: a third of the records, alike in score.
    close(weightOf(contributors, 'eve') / weightOf(contributors, 'ada'), 2);
  });

  it('pays nothing for junk of its own kind, and leaves what others have of one another', () => {
    const harm = fc.array(fc.double({ min: -5, max: 0, noNaN: true }), { minLength: 1, maxLength: 8 });
    const before = trainingCredit(evidenceOf([lesson('ada'), lesson('bo', 20, 3 * NOISE)])).contributors;
    fc.assert(
      fc.property(harm, (scores) => {
        const junk = scores.map((score) => ({ by: 'cy', score }));
        const after = trainingCredit(
          evidenceOf([lesson('ada'), lesson('bo', 20, 3 * NOISE), junk]),
        ).contributors;
        expect(weightOf(after, 'cy')).toBe(0);
        close(
          weightOf(after, 'ada') / weightOf(after, 'bo'),
          weightOf(before, 'ada') / weightOf(before, 'bo'),
        );
      }),
    );
  });

  it('sets what harms an answer against what helps it', () => {
    const padded = [...lesson('ada'), ...lesson('ada', 12, -3.5 * NOISE)];
    const { contributors } = trainingCredit(evidenceOf([padded, lesson('bo')]));
    expect(weightOf(contributors, 'ada')).toBe(0);
    expect(weightOf(contributors, 'bo')).toBeGreaterThan(0);
  });

  it('pays a record that stands out alone, whatever it lies among', () => {
    const among = [
      { by: 'ada', score: 2 },
      ...lesson('bo', 10, -2 * NOISE),
      ...lesson('cy', 10, 0.5 * NOISE),
    ];
    const evidence = evidenceOf([among]);
    expect(evidence.records.filter(standsOut).map(({ contributorId }) => contributorId)).toEqual(['ada']);
    const { contributors } = trainingCredit(evidence);
    expect([...contributors]).toEqual([['ada', 2 - NOISE]]);
    // The same as it had in a cluster of its own.
    const alone = trainingCredit(evidenceOf([[{ by: 'ada', score: 2 }]])).contributors;
    expect(weightOf(contributors, 'ada')).toBe(weightOf(alone, 'ada'));
  });

  it('keeps everything where nobody is above chance, or nobody is there', () => {
    const all = { contributors: new Map(), reserve: 1 };
    expect(trainingCredit(evidenceOf([]))).toEqual(all);
    expect(trainingCredit(evidenceOf([lesson('ada', 4, 0), lesson('bo', 4, -0.3)]))).toEqual(all);
    // A little above its own error, but of sixteen clusters one is by chance.
    const chance = Array.from({ length: 16 }, (_, i) => lesson('ada', 1, i === 7 ? 2 * NOISE : -NOISE));
    expect(trainingCredit(evidenceOf(chance))).toEqual(all);
  });

  it('gives what was taken back to the reserve, and to nobody else', () => {
    const kept = trainingCredit(evidenceOf([lesson('ada'), lesson('bo')]));
    const withdrawn = lesson('bo').map((record) => ({ ...record, withdrawn: true }));
    const { contributors, reserve } = trainingCredit(evidenceOf([lesson('ada'), withdrawn]));
    expect(contributors.has('bo')).toBe(false);
    expect(weightOf(contributors, 'ada')).toBe(weightOf(kept.contributors, 'ada'));
    close(reserve, kept.reserve + weightOf(kept.contributors, 'bo'));
    expect(trainingCredit(evidenceOf([withdrawn]))).toEqual({ contributors: new Map(), reserve: 1 });
  });

  it('pays inside a cluster by influence, and by tokens where no record has any', () => {
    const cluster = [
      { by: 'ada', score: 3.9 * NOISE },
      { by: 'bo', score: 2.9 * NOISE },
      { by: 'cy', score: 0.5 * NOISE },
      ...lesson('dee', 10, 3 * NOISE),
    ];
    const { contributors } = trainingCredit(evidenceOf([cluster]));
    expect(weightOf(contributors, 'ada') / weightOf(contributors, 'bo')).toBeCloseTo(2.9 / 1.9, 9);
    expect(weightOf(contributors, 'cy')).toBe(0);
    const faint = Array.from({ length: 200 }, (_, i) => ({
      by: i % 2 === 0 ? 'ada' : 'bo',
      score: 0.9 * NOISE,
    }));
    const byTokens = trainingCredit(evidenceOf([faint])).contributors;
    const tokens = (odd: number) => faint.reduce((sum, _, i) => sum + (i % 2 === odd ? 5 + i : 0), 0);
    expect(weightOf(byTokens, 'ada') / weightOf(byTokens, 'bo')).toBeCloseTo(tokens(0) / tokens(1), 9);
  });

  it('moves at most a quarter by spans, and pays nobody for spans alone', () => {
    const spans = fc.dictionary(
      fc.constantFrom(...people, 'nobody'),
      fc.double({ min: -10, max: 500, noNaN: true }),
    );
    fc.assert(
      fc.property(clustersOf, spans, (clusters, found) => {
        const without = trainingCredit(evidenceOf(clusters));
        const supported = trainingCredit(evidenceOf(clusters, { spanNats: new Map(Object.entries(found)) }));
        const all = total(without.contributors);
        close(total(supported.contributors), all);
        expect(supported.reserve).toBe(without.reserve);
        for (const id of people) {
          const [was, is] = [weightOf(without.contributors, id), weightOf(supported.contributors, id)];
          expect(Math.abs(is - was)).toBeLessThanOrEqual(0.25 * all + 1e-12);
          if (was === 0) expect(is).toBe(0);
        }
        expect(supported.contributors.has('nobody')).toBe(false);
      }),
      { numRuns: 500 },
    );
  });
});
