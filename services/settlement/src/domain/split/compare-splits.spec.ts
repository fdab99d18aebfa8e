import { SplitComparison } from './compare-splits.js';

describe('SplitComparison', () => {
  it('adds up both ways of splitting, and names those whom it changes most', () => {
    const comparison = new SplitComparison();
    for (let i = 0; i < 2; i += 1) {
      comparison.add(
        [
          { role: 'platform', payeeId: '', amountWei: 10n },
          { role: 'contributor', payeeId: 'alice', amountWei: 60n },
          { role: 'contributor', payeeId: 'bob', amountWei: 30n },
        ],
        [
          { role: 'platform', payeeId: '', amountWei: 15n },
          { role: 'contributor', payeeId: 'alice', amountWei: 50n },
          { role: 'contributor', payeeId: 'bob', amountWei: 30n },
          { role: 'node', payeeId: 'gpu', amountWei: 5n },
        ],
      );
    }
    expect(comparison.byRole()).toEqual([
      { role: 'contributor', paidWei: 180n, proposedWei: 160n },
      { role: 'node', paidWei: 0n, proposedWei: 10n },
      { role: 'platform', paidWei: 20n, proposedWei: 30n },
    ]);
    expect(comparison.byPayee(10)).toEqual([
      { payeeId: 'alice', paidWei: 120n, proposedWei: 100n },
      { payeeId: 'gpu', paidWei: 0n, proposedWei: 10n },
    ]);
    expect(comparison.byPayee(1)).toHaveLength(1);
  });
});
