import { stakesOf } from './lineage.js';

const record = (contributorId: string, tokens: number, quality: number) => ({
  recordId: `${contributorId}-${tokens}`,
  contributorId,
  contributionId: 'contribution',
  tokens,
  quality,
  prompt: '',
  completion: '',
});

describe('stakesOf', () => {
  it('weighs tokens by quality and sums to one billion', () => {
    const stakes = stakesOf([
      record('b', 100, 0.5),
      record('a', 10, 1),
      record('a', 20, 1),
      record('c', 10, 0),
    ]);
    expect(stakes).toEqual([
      { contributorId: 'a', records: 2, tokens: 30, basePpb: 375_000_000 },
      { contributorId: 'b', records: 1, tokens: 100, basePpb: 625_000_000 },
      { contributorId: 'c', records: 1, tokens: 10, basePpb: 0 },
    ]);
  });

  it('falls back to tokens where nothing has quality', () => {
    expect(stakesOf([record('a', 1, 0), record('b', 3, 0)]).map(({ basePpb }) => basePpb)).toEqual([
      250_000_000, 750_000_000,
    ]);
  });
});
