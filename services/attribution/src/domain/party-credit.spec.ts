import { PPB } from '@openledger/kernel';
import { type AnswerEvidence, creditMembers, type Member } from './party-credit.js';

const member = (contributorId: string, partyId: string, influence: number, records = 4): Member => ({
  contributorId,
  partyId,
  influence,
  records,
  tokens: records * 10,
});
const evidence = (...members: Member[]): AnswerEvidence => ({
  members,
  typicalScore: 0,
  spanNats: new Map([['p', 2]]),
  decoys: [0.5, -0.5],
  baseLogLikelihood: -20,
  adapterLogLikelihood: -4,
});

describe('creditMembers', () => {
  it('pays a party the same however its data lie in its accounts', () => {
    const alone = creditMembers(evidence(member('a', 'p', 9, 9), member('z', 'z', 3)));
    const spread = creditMembers(
      evidence(member('a', 'p', 5, 3), member('b', 'p', 4, 3), member('c', 'p', 0, 3), member('z', 'z', 3)),
    );
    const [a = 0n, b = 0n, c = 0n, z = 0n] = spread.membersPpb;
    expect(a + b + c).toBe(alone.membersPpb[0]);
    expect(z).toBe(alone.membersPpb[1]);
    expect(Number(a) / Number(b)).toBeCloseTo(5 / 4, 6);
    expect(c).toBe(0n);
  });

  it('credits what stands above a typical record, so that mere volume earns nothing', () => {
    const members = [member('a', 'a', 12, 2), member('b', 'b', 40, 40)];
    const { membersPpb } = creditMembers({ ...evidence(...members), typicalScore: 1 });
    expect(membersPpb[0]).toBeGreaterThan(0n);
    expect(membersPpb[1]).toBe(0n);
    const alone = creditMembers({ ...evidence(member('b', 'b', 40, 40)), typicalScore: 1 });
    expect(alone.membersPpb[0]).toBeGreaterThan(0n);
  });

  it('sums to one billion', () => {
    const { membersPpb, baseModelPpb, reservePpb } = creditMembers(
      evidence(member('a', 'p', -1), member('b', 'p', 4.3), member('c', 'c', 0.1), member('d', 'd', 2.7)),
    );
    expect(membersPpb.reduce((sum, share) => sum + share, baseModelPpb + reservePpb)).toBe(PPB);
    expect(membersPpb[0]).toBe(0n);
  });
});
