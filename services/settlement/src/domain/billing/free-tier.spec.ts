import fc from 'fast-check';
import { checkSponsor, type Grant, unspentOf } from './free-tier.js';

const grant: Grant = {
  organisationId: 'o',
  month: '2026-11',
  sponsor: 'ecosystem',
  amountWei: 100n,
  spentBeforeWei: 40n,
};
const use = { spentWei: 40n, setAsideWei: 0n, availableWei: 1_000n };

describe('what a grant leaves', () => {
  it('is what was not spent since, as a grant is spent before own money', () => {
    expect(unspentOf(grant, use)).toBe(100n);
    expect(unspentOf(grant, { ...use, spentWei: 70n })).toBe(70n);
    expect(unspentOf(grant, { ...use, spentWei: 140n })).toBe(0n);
    expect(unspentOf(grant, { ...use, spentWei: 9_999n })).toBe(0n);
  });

  it('leaves out what is set aside, and what is not there', () => {
    expect(unspentOf(grant, { ...use, spentWei: 60n, setAsideWei: 30n })).toBe(50n);
    expect(unspentOf(grant, { ...use, setAsideWei: 200n })).toBe(0n);
    expect(unspentOf(grant, { ...use, availableWei: 20n })).toBe(20n);
  });

  it('is never own money, whatever was spent', () => {
    const wei = fc.bigInt(0n, 1_000n);
    fc.assert(
      fc.property(wei, wei, wei, wei, (ownWei, amountWei, spentSince, leased) => {
        // All that is there: own money and the grant, less what was spent, part of it on lease.
        const thereWei = ownWei + amountWei - spentSince;
        fc.pre(thereWei >= leased);
        const backWei = unspentOf(
          { ...grant, amountWei },
          {
            spentWei: grant.spentBeforeWei + spentSince,
            setAsideWei: leased,
            availableWei: thereWei - leased,
          },
        );
        const ownLeftWei = spentSince > amountWei ? ownWei - (spentSince - amountWei) : ownWei;
        expect(backWei >= 0n && backWei <= amountWei).toBe(true);
        expect(thereWei - backWei >= ownLeftWei).toBe(true);
      }),
    );
  });
});

describe('the name of a sponsor', () => {
  it.each(['ecosystem', 'a', 'grants-2026'])('may be %s', (name) => expect(checkSponsor(name)).toBe(name));

  it.each(['', '-a', 'a-', 'A', 'a:b', 'a b', 'x'.repeat(64)])('may not be %j', (name) => {
    expect(() => checkSponsor(name)).toThrow(expect.objectContaining({ code: 'SPONSOR_INVALID' }));
  });
});
