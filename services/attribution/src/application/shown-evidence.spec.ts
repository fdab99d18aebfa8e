import type { Evidence, ScoredAnswer } from './ports.js';
import { shownTo } from './shown-evidence.js';

const evidence: Evidence = {
  text: 'one two',
  spans: [{ start: 0, end: 3, text: 'one', records: [{ recordId: 'r1', contributorId: 'ada' }] }],
  topRecords: [
    { recordId: 'r1', contributorId: 'ada', score: 2, prompt: 'p1', completion: 'c1' },
    { recordId: 'r2', contributorId: 'bo', score: 1, prompt: 'p2', completion: 'c2' },
  ],
};
const share = (contributorId: string, influencePpb: number, contextPpb: number, basePpb: number) => ({
  contributorId,
  partyId: contributorId,
  influencePpb,
  contextPpb,
  basePpb,
});
const score = {
  reason: '',
  contributors: [share('ada', 5, 0, 1), share('bo', 0, 0, 1), share('cy', 0, 5, 0), share('di', 0, 0, 0)],
} as unknown as ScoredAnswer;
const shown = (reader: { personId: string; isPayer: boolean }, withdrawn: string[] = []) =>
  shownTo({ evidence, score, withdrawn: new Set(withdrawn) }, reader);

describe('shownTo', () => {
  it('hides the text of a record that was taken back, from its owner and the payer too', () => {
    for (const reader of [
      { personId: 'ada', isPayer: false },
      { personId: 'payer', isPayer: true },
    ]) {
      const [first, second] = shown(reader, ['r1']).topRecords;
      expect(first).toEqual({ recordId: 'r1', contributorId: 'ada', score: 2, prompt: '', completion: '' });
      expect(second?.completion).toBe(reader.isPayer ? 'c2' : '');
    }
  });

  it('shows a contributor the words that stand in his records, and not the answer', () => {
    expect(shown({ personId: 'ada', isPayer: false })).toMatchObject({ text: '', spans: [{ text: 'one' }] });
    expect(shown({ personId: 'bo', isPayer: false })).toMatchObject({
      text: '',
      spans: [{ start: 0, end: 3, text: '', records: [{ recordId: 'r1' }] }],
    });
    expect(shown({ personId: 'x', isPayer: true })).toMatchObject({
      text: 'one two',
      spans: [{ text: 'one' }],
    });
  });

  it('gives everybody a reason by his shares where the evidence gives none', () => {
    const codes = (given: ScoredAnswer) =>
      shownTo({ evidence, score: given, withdrawn: new Set() }, { personId: 'x', isPayer: true }).reasons.map(
        ({ contributorId, code }) => `${contributorId} ${code}`,
      );
    expect(codes(score)).toEqual(['ada PAID', 'bo ONLY_BASE_SHARE', 'cy PAID', 'di BELOW_NOISE']);
    const reasons = shownTo(
      { evidence, score: { ...score, reason: 'ZERO_GRADIENT' }, withdrawn: new Set() },
      { personId: 'x', isPayer: true },
    ).reasons;
    expect(reasons[1]?.message).toContain('ZERO_GRADIENT');
  });
});
