import fc from 'fast-check';
import { nextLeaves } from './epoch.js';

const leaves = fc.array(
  fc.record({ wallet: fc.constantFrom('0xaa', '0xAA', '0xbb', '0xcc'), totalWei: fc.bigInt(0n, 10n ** 27n) }),
  { maxLength: 12 },
);

describe('nextLeaves', () => {
  it('never lowers a leaf and grows the total by exactly what accrued', () => {
    fc.assert(
      fc.property(leaves, leaves, (first, second) => {
        const before = nextLeaves([], first);
        const after = nextLeaves(before, second);
        const sum = (list: readonly { totalWei: bigint }[]) =>
          list.reduce((total, leaf) => total + leaf.totalWei, 0n);
        expect(sum(after) - sum(before)).toBe(sum(second));
        for (const leaf of before) {
          const now = after.find((other) => other.wallet === leaf.wallet);
          expect(now !== undefined && now.totalWei >= leaf.totalWei).toBe(true);
        }
      }),
    );
  });

  it('adds up one wallet however its address is written, and leaves out empty leaves', () => {
    expect(
      nextLeaves(
        [{ wallet: '0xAA', totalWei: 1n }],
        [
          { wallet: '0xaa', totalWei: 2n },
          { wallet: '0xbb', totalWei: 0n },
        ],
      ),
    ).toEqual([{ wallet: '0xaa', totalWei: 3n }]);
  });
});
