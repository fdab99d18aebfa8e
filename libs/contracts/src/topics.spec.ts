import { ContributionAssessed, Verdict } from './generated/index.js';
import { decodeEvent, encodeEvent, topics } from './topics.js';

const assessed = ContributionAssessed.create({
  contributionId: 'c',
  datanetId: 'd',
  verdict: Verdict.VERDICT_ACCEPTED,
  acceptedCount: 3,
  assessedAt: new Date('2026-01-01T00:00:00Z'),
});

describe('events', () => {
  it('come back as they went, keyed by their aggregate', () => {
    const event = encodeEvent(topics.contributionAssessed, 'id', assessed);
    expect(event.key).toBe('d');
    expect(decodeEvent(topics.contributionAssessed, event.body)).toEqual(assessed);
  });

  it('ignore fields that a newer writer added', () => {
    const body = Buffer.from(JSON.stringify({ contributionId: 'c', addedLater: { x: 1 } }));
    expect(decodeEvent(topics.contributionAssessed, body).contributionId).toBe('c');
  });

  it('have one topic per name', () => {
    const names = Object.values(topics).map((topic) => topic.name);
    expect(new Set(names).size).toBe(names.length);
  });
});
