import fc from 'fast-check';
import { splitHeldOut } from './record.js';

const records = fc
  .uniqueArray(fc.string({ minLength: 1 }), { minLength: 2, maxLength: 200 })
  .map((ids) => ids.map((id) => ({ id })));

describe('splitHeldOut', () => {
  it('puts every record on exactly one side, and at least one aside', () => {
    fc.assert(
      fc.property(records, fc.integer({ min: 0, max: 50 }), (list, percent) => {
        const { train, heldOut } = splitHeldOut(list, percent, 7);
        expect(new Set([...train, ...heldOut])).toEqual(new Set(list));
        expect(train.length + heldOut.length).toBe(list.length);
        expect(heldOut.length).toBeGreaterThan(0);
      }),
    );
  });

  it('does not depend on the order of arrival', () => {
    fc.assert(
      fc.property(records, (list) => {
        const ids = (side: readonly { id: string }[]) => new Set(side.map(({ id }) => id));
        const there = splitHeldOut(list, 20, 1);
        const back = splitHeldOut([...list].reverse(), 20, 1);
        expect(ids(back.heldOut)).toEqual(ids(there.heldOut));
      }),
    );
  });

  it('keeps about as many aside as asked', () => {
    const list = Array.from({ length: 5_000 }, (_, i) => ({ id: `r${i}` }));
    const share = splitHeldOut(list, 10, 3).heldOut.length / list.length;
    expect(share).toBeGreaterThan(0.08);
    expect(share).toBeLessThan(0.12);
  });
});
