import fc from 'fast-check';
import { contentHash, contentHashes } from './chunk-content.js';
import { isHarmful, shareContext } from './context-shares.js';
import { type ChunkOwner, playersOf } from './players.js';

const owner = (contributorId: string, day = 1): ChunkOwner => ({
  recordId: `record of ${contributorId}`,
  contributorId,
  contributionId: `contribution of ${contributorId}`,
  acceptedAt: new Date(`2026-01-0${day}T00:00:00Z`),
});
const exactly = (value: number) => ({ value, standardError: 0 });

describe('playersOf', () => {
  it('makes chunks that say the same one player, of the earliest registration', () => {
    const [text, other] = ['a tube', 'a valve'].map(contentHash);
    const players = playersOf([
      { content: text ?? '', owner: owner('thief', 2) },
      { content: other ?? '' },
      { content: text ?? '', owner: owner('author', 1) },
      { content: text ?? '' },
    ]);
    expect(players).toEqual([{ chunks: [0, 2, 3], owner: owner('author', 1) }, { chunks: [1] }]);
  });
});

describe('the content of a chunk', () => {
  it('is its characters, not how they are composed or what white space is around', () => {
    expect(contentHash(' Ångström\n')).toBe(contentHash('A\u030angstro\u0308m'));
    expect(contentHash('a tube')).not.toBe(contentHash('a  tube'));
    const record = { prompt: 'What is a stent?', completion: 'A tube.' };
    expect(contentHashes(record)).toEqual([contentHash('A tube.'), contentHash('What is a stent?\nA tube.')]);
    expect(contentHashes({ prompt: '', completion: 'A tube.' })).toEqual([contentHash('A tube.')]);
  });
});

describe('shareContext', () => {
  const players = playersOf([
    { content: '1', owner: owner('ada') },
    { content: '2', owner: owner('bob') },
    { content: '3' },
    { content: '4', owner: owner('ada') },
  ]);

  it('pays what each added; harm and rounding count nothing, and what nobody owns is kept', () => {
    const { contributors, reserve } = shareContext(1_000n, players, [3, -5, 1, 0.009].map(exactly));
    expect([...contributors]).toEqual([
      ['ada', 750n],
      ['bob', 0n],
    ]);
    expect(reserve).toBe(250n);
  });

  it('adds up, whatever the values', () => {
    const pool = fc.bigInt({ min: 0n, max: 900_000_000n });
    const estimate = fc.record({
      value: fc.double({ min: -100, max: 100, noNaN: true }),
      standardError: fc.double({ min: 0, max: 20, noNaN: true }),
    });
    fc.assert(
      fc.property(pool, fc.array(estimate, { minLength: 4, maxLength: 4 }), (amount, estimates) => {
        const { contributors, reserve } = shareContext(amount, players, estimates);
        expect([...contributors.values()].reduce((a, b) => a + b, reserve)).toBe(amount);
        for (const part of contributors.values()) expect(part).toBeGreaterThanOrEqual(0n);
      }),
    );
  });

  it('keeps all where the whole is noise', () => {
    const noisy = [1, 1, 0, 0].map((value) => ({ value, standardError: 1 }));
    expect(shareContext(9n, players, noisy)).toEqual({ contributors: new Map(), reserve: 9n });
    expect(shareContext(9n, [], [])).toEqual({ contributors: new Map(), reserve: 9n });
  });
});

describe('isHarmful', () => {
  it('is told of what is below zero for certain', () => {
    expect(isHarmful(exactly(-0.5))).toBe(true);
    expect(isHarmful(exactly(-0.005))).toBe(false);
    expect(isHarmful({ value: -0.5, standardError: 0.3 })).toBe(false);
    expect(isHarmful(exactly(2))).toBe(false);
  });
});
