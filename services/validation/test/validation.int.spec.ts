import { type ContributionAssessed, topics, Verdict } from '@openledger/contracts';
import { canonicalJson, sha256 } from '@openledger/kernel';
import { eventually } from '@openledger/testing';
import { lightParaphrase } from './light-paraphrase.js';
import { partyIdOf, RunningValidation, type VerdictLine } from './running-validation.js';
import { SEA_NOTES } from './sea-notes.js';

const STRENGTH = { replaced: 0.12, reordered: 0.4 };
const asRecords = (notes: readonly (readonly [string, string])[]) =>
  notes.map(([prompt, completion]) => ({ prompt, completion }));
const paraphrased = (notes: readonly (readonly [string, string])[]) =>
  notes.map(([prompt, completion]) => ({ prompt, completion: lightParaphrase(completion, STRENGTH) }));
const codes = (lines: readonly VerdictLine[]) => lines.map(({ reasons }) => reasons[0]?.code ?? 'none');

describe('validation', () => {
  let running: RunningValidation;
  beforeAll(async () => {
    running = await RunningValidation.start();
  });
  afterAll(() => running.stop());

  it('accepts original records, and hands them on with their quality', async () => {
    const datanet = await running.createDatanet();
    const { assessed, sent, lines } = await running.assess(datanet, 'ada', asRecords(SEA_NOTES));
    expect(assessed).toMatchObject({
      verdict: Verdict.VERDICT_ACCEPTED,
      acceptedCount: SEA_NOTES.length,
      rejectedCount: 0,
      reasons: [],
    });
    expect(lines.map(({ index }) => index)).toEqual(SEA_NOTES.map((_, index) => index));
    const accepted = await running.lines<Record<string, unknown>>(assessed.acceptedBlob);
    const [first] = asRecords(SEA_NOTES);
    expect(accepted[0]).toEqual({
      contributionId: sent.contributionId,
      contributorId: 'ada',
      id: sha256(canonicalJson(first ?? {})),
      quality: expect.any(Number),
      record: first,
    });
    const text = Buffer.from(await running.blobs.get(assessed.acceptedBlob))
      .toString('utf8')
      .split('\n')[0];
    expect(text).toBe(canonicalJson(accepted[0] as never));
  });

  it('finds copies under light paraphrase, names the earlier record, and groups the two accounts with the reason', async () => {
    const datanet = await running.createDatanet();
    const [head, tail] = [SEA_NOTES.slice(0, 14), SEA_NOTES.slice(14)];
    const original = await running.assess(datanet, 'bea', asRecords(head));
    const other = await running.assess(datanet, 'cal', asRecords(tail));
    const copy = await running.assess(datanet, 'dan', paraphrased(head));

    // An earlier test sent the same notes to another Datanet: those are the earliest.
    expect(original.assessed.verdict).toBe(Verdict.VERDICT_REJECTED);
    expect(codes(original.lines)).toEqual(head.map(() => 'EXACT_DUPLICATE'));
    expect(other.lines[0]?.reasons[0]?.matches?.[0]?.contributorId).toBe('ada');
    expect(codes(copy.lines)).toEqual(head.map(() => 'NEAR_DUPLICATE'));
    expect(copy.lines[0]?.reasons[0]?.matches?.[0]).toMatchObject({
      contributorId: 'ada',
      recordId: sha256(canonicalJson(asRecords(head)[0] ?? {})),
    });
    expect(copy.assessed.reasons).toEqual([
      { code: 'NEAR_DUPLICATE', message: expect.any(String), count: head.length },
    ]);

    const last = await eventually(() => {
      const party = running.parties.find(({ contributorIds }) => contributorIds.length === 4);
      if (party === undefined) throw new Error('not grouped yet');
      return party;
    });
    expect(last).toMatchObject({
      partyId: partyIdOf('ada', 'bea', 'cal', 'dan'),
      contributorIds: ['ada', 'bea', 'cal', 'dan'],
      reason: "14 of 14 records of dan are near-copies of ada's",
    });
    const party = await running.get(`/parties/${last.partyId}?limit=10`);
    expect(party.body).toMatchObject({
      memberCount: 4,
      contributorIds: ['ada', 'bea', 'cal', 'dan'],
      reason: last.reason,
    });
    expect(party.body.evidence).toHaveLength(10);
    const rest = await running.get(`/parties/${last.partyId}?after=${party.body.nextAfter}&limit=500`);
    expect(rest.body.evidence).toHaveLength(head.length + tail.length + head.length - 10);
    const list = await running.get('/parties');
    expect(list.body.parties).toHaveLength(1);
  });

  it('changes nothing when an event is delivered again', async () => {
    const datanet = await running.createDatanet();
    const { sent, assessed } = await running.assess(datanet, 'eve', [
      {
        prompt: 'Why do bells toll thirteen times in Oudewater?',
        completion: 'A clockmaker miscounted in 1682 and the town kept his error as a joke on its rivals.',
      },
    ]);
    await running.append(topics.contributionReceived, sent.eventId, sent.event);
    const later = await running.assess(datanet, 'eve', ['not json']);
    expect(later.assessed.verdict).toBe(Verdict.VERDICT_REJECTED);
    const same = (event: ContributionAssessed) => event.contributionId === sent.contributionId;
    expect(running.assessed.filter(same)).toEqual([assessed]);
    const { body } = await running.get(`/assessments/${sent.contributionId}`, 'eve');
    expect(body).toMatchObject({ verdict: 'accepted', counts: { accepted: 1 } });
  });

  it('gives a text to whoever sent it first, also within one contribution', async () => {
    const datanet = await running.createDatanet();
    const record = {
      prompt: 'How is resin tapped from a maritime pine?',
      completion:
        'Workers scar the bark with a curved blade each week and hang a clay pot below the fresh cut.',
    };
    const louder = {
      prompt: 'HOW is resin tapped from a maritime pine ?!',
      completion: record.completion.toUpperCase(),
    };
    const first = await running.assess(datanet, 'fay', [record, louder]);
    expect(codes(first.lines)).toEqual(['none', 'EXACT_DUPLICATE']);
    const second = await running.assess(datanet, 'gus', [louder]);
    expect(second.lines[0]?.reasons[0]).toMatchObject({
      code: 'EXACT_DUPLICATE',
      matches: [{ contributorId: 'fay', recordId: first.lines[0]?.id, datanetId: datanet }],
    });
    expect(second.assessed).toMatchObject({ verdict: Verdict.VERDICT_REJECTED, acceptedBlob: '' });
  });

  it('names what is wrong with each record, and never shows personal data', async () => {
    const datanet = await running.createDatanet();
    const secret = 'mira.delacroix@posteo.de';
    const { assessed, lines, sent } = await running.assess(datanet, 'hal', [
      '{"prompt": "no end',
      { prompt: 'Only a prompt' },
      {
        prompt: 'Who keeps the ledgers of the guild?',
        completion: `Write to ${secret}, she keeps them all in the attic of the old mint.`,
      },
      { prompt: 'What is a quern?', completion: 'What is a quern?' },
      {
        prompt: 'What is a quern?',
        completion: 'A pair of round stones for grinding grain by hand, the upper one turned on the lower.',
      },
    ]);
    expect(codes(lines)).toEqual([
      'SCHEMA_MISMATCH',
      'SCHEMA_MISMATCH',
      'PERSONAL_DATA',
      'LOW_QUALITY',
      'none',
    ]);
    expect(lines.map(({ verdict }) => verdict)).toEqual([
      'rejected',
      'rejected',
      'quarantined',
      'rejected',
      'accepted',
    ]);
    expect(lines[2]?.reasons[0]?.message).toBe('It seems to hold: EMAIL.');
    expect(JSON.stringify(lines)).not.toContain(secret);
    expect(assessed.reasons[0]).toMatchObject({ code: 'SCHEMA_MISMATCH', count: 2 });
    expect(assessed).toMatchObject({ acceptedCount: 1, quarantinedCount: 1, rejectedCount: 3 });

    const own = await running.get(`/assessments/${sent.contributionId}?from=1&limit=2`, 'hal');
    expect(own.body.records).toEqual(lines.slice(1, 3));
    expect(own.body.nextFrom).toBe(3);
    const others = await running.get(`/assessments/${sent.contributionId}`, 'ivy');
    expect(others.status).toBe(200);
    expect(others.body.reasons).toHaveLength(3);
    expect(others.body).not.toHaveProperty('records');
    expect((await running.get(`/assessments/${sent.contributionId}`)).status).toBe(401);
    expect((await running.get('/assessments/none', 'hal')).body.code).toBe('ASSESSMENT_UNKNOWN');
    expect((await running.get('/parties/none')).body.code).toBe('PARTY_UNKNOWN');
  });

  it('waits for a Datanet whose creation arrives later', async () => {
    const datanetId = 'a0000000-0000-7000-8000-000000000001';
    const sent = await running.send(datanetId, 'jan', [
      {
        prompt: 'What did a lamplighter carry?',
        completion:
          'A pole with a hook for the cock and a shielded flame, and in winter a ladder for frozen fittings.',
      },
    ]);
    const { DatanetCreated } = await import('@openledger/contracts');
    const created = DatanetCreated.create({ datanetId, schema: { minCharacters: 1, maxCharacters: 1_000 } });
    await running.append(topics.datanetCreated, 'a0000000-0000-7000-8000-000000000002', created);
    expect((await running.verdictOn(sent)).verdict).toBe(Verdict.VERDICT_ACCEPTED);
  });
});

describe('validation with small limits', () => {
  it('rejects a contribution that is too large, and goes on with the next', async () => {
    const running = await RunningValidation.start({
      CONTRIBUTION_RECORDS_MAX: '2',
      CONTRIBUTION_BYTES_MAX: '2000',
    });
    try {
      const datanet = await running.createDatanet();
      const many = await running.assess(datanet, 'kim', asRecords(SEA_NOTES.slice(0, 3)));
      const long = await running.assess(datanet, 'kim', [{ prompt: 'p', completion: 'tide '.repeat(800) }]);
      for (const { assessed } of [many, long]) {
        expect(assessed.verdict).toBe(Verdict.VERDICT_REJECTED);
        expect(assessed.reasons[0]?.code).toBe('CONTRIBUTION_TOO_LARGE');
      }
      const fine = await running.assess(datanet, 'kim', asRecords(SEA_NOTES.slice(0, 1)));
      expect(fine.assessed.verdict).toBe(Verdict.VERDICT_ACCEPTED);
    } finally {
      await running.stop();
    }
  });
});
