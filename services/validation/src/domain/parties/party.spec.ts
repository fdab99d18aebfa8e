import fc from 'fast-check';
import { type CopyTotals, isLinked, linkReason } from './copy-link.js';
import { joinParties, PARTY_MEMBERS_MAX, type Party, partyOf } from './party.js';

const RULE = { copiesMin: 3, sharePercentMin: 20 };
const totals = (copies: number, records: number, exactCopies = 0): CopyTotals => ({
  copies,
  exactCopies,
  records,
});
const found = (now: CopyTotals, ever = now) => ({ copierId: 'b', ownerId: 'a', now, ever });

describe('a copy link', () => {
  it.each([
    [totals(3, 15), true],
    [totals(2, 2), false],
    [totals(3, 16), false],
    [totals(41, 44), true],
  ])('of %p: %p', (now, linked) => {
    expect(isLinked(found(now), RULE)).toBe(linked);
  });

  it('is found when copies are spread over many small contributions', () => {
    expect(isLinked(found(totals(1, 2), totals(3, 6)), RULE)).toBe(true);
  });

  it('says what it rests on', () => {
    expect(linkReason(found(totals(41, 44)), RULE)).toBe("41 of 44 records of b are near-copies of a's");
    expect(linkReason(found(totals(1, 2), totals(3, 6, 3)), RULE)).toBe(
      "3 of 6 records of b are exact copies of a's",
    );
  });
});

describe('joinParties', () => {
  /** Applies links one after another, as events do. */
  const join = (links: readonly (readonly [number, number])[]): Party[] => {
    const parties = new Map<string, Party>();
    for (const link of links) {
      const linked = link.map(String);
      const touched = [...parties.values()].filter(({ contributorIds }) =>
        contributorIds.some((id) => linked.includes(id)),
      );
      const change = joinParties(linked, touched);
      if (change === undefined) continue;
      for (const { id } of touched) parties.delete(id);
      parties.set(change.party.id, change.party);
    }
    return [...parties.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  };

  it('gives the same parties, whatever the order of the links', () => {
    const links = fc.array(
      fc.tuple(fc.nat(12), fc.nat(12)).filter(([a, b]) => a !== b),
      { maxLength: 15 },
    );
    fc.assert(
      fc.property(links, (list) => {
        expect(join(list.toReversed())).toEqual(join(list));
      }),
    );
  });

  it('names the parties that were absorbed, and is silent when nothing changes', () => {
    const [left, right] = [partyOf(['a', 'b']), partyOf(['c', 'd'])];
    const change = joinParties(['b', 'c'], [left, right]);
    expect(change).toEqual({ party: partyOf(['a', 'b', 'c', 'd']), absorbedPartyIds: [right.id] });
    expect(joinParties(['a', 'b'], [left])).toBeUndefined();
  });

  it('does not grow beyond what an event can carry', () => {
    const crowd = partyOf(Array.from({ length: PARTY_MEMBERS_MAX }, (_, i) => `m${i}`));
    expect(joinParties(['m0', 'z'], [crowd])).toBeUndefined();
  });
});
