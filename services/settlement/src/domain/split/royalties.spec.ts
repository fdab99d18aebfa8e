import { type Ancestor, GENERATIONS_MAX, royaltiesOf } from './royalties.js';

const ancestor = (developerId: string, shares: Record<string, bigint>): Ancestor => ({
  developerId,
  baseShares: new Map(Object.entries(shares)),
});

describe('royaltiesOf', () => {
  it('halves from generation to generation and adds up what one is owed by several', () => {
    const royalties = royaltiesOf('dev', [
      ancestor('dev', { alice: 600n, bob: 400n }),
      ancestor('parent', { alice: 1_000n }),
    ]);
    expect(royalties.contributors).toEqual([
      { payeeId: 'alice', weight: 128n * 600n + 64n * 1_000n },
      { payeeId: 'bob', weight: 128n * 400n },
    ]);
    expect(royalties.developers).toEqual([{ payeeId: 'parent', weight: 64n }]);
  });

  it('pays nobody where there is no ancestor, and forgets who is too far back', () => {
    expect(royaltiesOf('dev', [])).toEqual({ developers: [], contributors: [] });
    const chain = Array.from({ length: GENERATIONS_MAX + 1 }, (_, i) => ancestor(`dev-${i}`, {}));
    expect(royaltiesOf('dev', chain).developers).toHaveLength(GENERATIONS_MAX);
  });
});
