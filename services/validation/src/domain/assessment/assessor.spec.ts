import { sha256 } from '@openledger/kernel';
import { TermStatistics } from '../duplicates/term-statistics.js';
import type { RecordAnswer } from './assessment-input.js';
import { ContributionAssessor } from './assessor.js';

const FACTS = {
  contributionId: 'c',
  datanetId: 'd',
  contributorId: 'ada',
  schema: { kind: 'text' as const, minCharacters: 1, maxCharacters: 500 },
  qualityMin: 0.35,
};
const ORIGINAL =
  'The ropewalk was a shed four hundred paces long where hemp was twisted into cable by men who walked backwards all day.';
const COPY =
  'Where hemp was twisted into cable by men who walked backwards all day, the ropewalk was a shed four hundred paces in length.';
const COPY_OF_COPY =
  'The ropewalk was a shed four hundred paces in length, in which hemp was twisted into cable by men walking backwards all day.';

const assess = (texts: readonly string[], answers: ReadonlyMap<number, RecordAnswer> = new Map()) => {
  const assessor = new ContributionAssessor(
    FACTS,
    texts.map((text) => (text.startsWith('{') ? text : JSON.stringify({ text }))),
    TermStatistics.empty(),
  );
  for (let from = 0; from < texts.length; from += 2) {
    assessor.questions(from, from + 2);
    assessor.judge(from, from + 2, answers);
  }
  return assessor.result();
};
const verdicts = (texts: readonly string[], answers?: ReadonlyMap<number, RecordAnswer>) =>
  Buffer.from(assess(texts, answers).verdictLines)
    .toString('utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

describe('ContributionAssessor', () => {
  it('gives a copy of a copy to the one who wrote it', () => {
    const [first, second, third] = verdicts([ORIGINAL, COPY, COPY_OF_COPY]);
    expect(first.verdict).toBe('accepted');
    for (const copy of [second, third]) {
      expect(copy.reasons[0]).toMatchObject({ code: 'NEAR_DUPLICATE', matches: [{ recordId: first.id }] });
    }
    expect(assess([ORIGINAL, COPY]).indexed.map(({ owner }) => owner.recordId)).toEqual([first.id, first.id]);
  });

  it('names the earlier contributor that the index knows', () => {
    const earlier = {
      recordId: 'r',
      datanetId: 'e',
      contributionId: 'f',
      contributorId: 'bea',
      normalisedText: ORIGINAL.toLowerCase().replace(/[.,]/g, ''),
    };
    const [near, exact] = verdicts(
      [COPY, 'Anything at all that the index says it holds already.'],
      new Map([
        [0, { candidates: [earlier] }],
        [1, { exact: earlier, candidates: [] }],
      ]),
    );
    expect(near.reasons[0]).toMatchObject({
      code: 'NEAR_DUPLICATE',
      matches: [{ contributorId: 'bea', datanetId: 'e' }],
    });
    expect(exact.reasons[0]).toMatchObject({
      code: 'EXACT_DUPLICATE',
      matches: [{ contributorId: 'bea', similarity: 1 }],
    });
  });

  it('gives the same bytes for the same input, whole', () => {
    const texts = [
      ORIGINAL,
      COPY,
      '{',
      '{"text": 7}',
      'x'.repeat(501),
      'Ring 030 901820 or write to q.ruhl@gmx.net about the loom.',
    ];
    const digest = () => {
      const { statistics, ...rest } = assess(texts);
      return sha256(JSON.stringify(rest) + sha256(statistics.bytes) + statistics.texts);
    };
    expect(digest()).toBe(digest());
    const { counts, reasons } = assess(texts);
    expect(counts).toEqual({ accepted: 1, quarantined: 1, rejected: 4 });
    expect(reasons.map(({ code, count }) => [code, count])).toEqual([
      ['SCHEMA_MISMATCH', 3],
      ['NEAR_DUPLICATE', 1],
      ['PERSONAL_DATA', 1],
    ]);
  });

  it('keeps personal data out of everything but the record', () => {
    const { verdictLines, acceptedLines, indexed, evidence } = assess([
      'Ask ruhl.q@gmx.net, she restored the loom in the old dye house.',
    ]);
    const told = [verdictLines, acceptedLines].map((bytes) => Buffer.from(bytes).toString('utf8')).join();
    expect(told + JSON.stringify([indexed, evidence])).not.toContain('ruhl');
  });
});
