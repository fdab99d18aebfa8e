import { secondsToFirstToken, tierOf, type WorkerFacts } from './worker-facts.js';

const facts: WorkerFacts = {
  address: 'a',
  available: true,
  fresh: true,
  running: 0,
  waiting: 0,
  rowsMax: 4,
  queuedTokens: 0,
  prefillTokensPerSecond: 1_000,
  decodeTokensPerSecond: 100,
  kvUsage: 0,
  poolDigests: new Set(['p', 'q']),
  memoryDigests: new Set(['m', 'p']),
  loadingDigests: new Set(['l']),
};

describe('secondsToFirstToken', () => {
  it('is the time of the own prompt where a row is free', () => {
    expect(secondsToFirstToken({ ...facts, running: 3, queuedTokens: 9_000 }, 500)).toBe(0.5);
  });

  it('is the wait for a row on top where none is, longer with each that waits already', () => {
    const full = { ...facts, running: 4, queuedTokens: 1_000 };
    // 10 s of answers on four rows: one ends after about a fifth of it.
    expect(secondsToFirstToken(full, 0)).toBeCloseTo(2);
    expect(secondsToFirstToken({ ...full, waiting: 4 }, 0)).toBeCloseTo((10 * 5) / 9);
    expect(secondsToFirstToken({ ...full, waiting: 4, queuedTokens: 2_000 }, 0)).toBeCloseTo((20 * 5) / 9);
  });

  it('knows nothing before anything was measured, and makes do with one speed', () => {
    const none = { ...facts, prefillTokensPerSecond: 0, decodeTokensPerSecond: 0, queuedTokens: 1e9 };
    expect(secondsToFirstToken(none, 1_000)).toBe(0);
    expect(secondsToFirstToken({ ...none, decodeTokensPerSecond: 10 }, 20)).toBe(2);
  });
});

it('names the farthest tier of all that a request needs', () => {
  expect(tierOf(facts, ['p', 'q'])).toBe('pool');
  expect(tierOf(facts, ['p', 'm'])).toBe('memory');
  expect(tierOf(facts, ['l', 'p'])).toBe('loading');
  expect(tierOf(facts, ['p', 'x', 'l'])).toBe('absent');
});
