import { WorkerBook, type WorkerWord } from './worker-book.js';

const word: WorkerWord = {
  running: 2,
  waiting: 1,
  rowsMax: 2,
  queuedTokens: 300,
  prefillTokensPerSecond: 100,
  decodeTokensPerSecond: 10,
  kvUsage: 0.5,
  poolDigests: new Set(['a']),
  memoryDigests: new Set(),
  loadingDigests: new Set(),
};
const job = (begunAt: number) => ({ tokens: 100, begunAt });

describe('WorkerBook', () => {
  it('adds what began since the status was asked for, and takes off what of it has ended', () => {
    const book = new WorkerBook();
    const before = book.begin(job(900));
    book.hear(word, 1_000);
    expect(book.facts('w', true, 1_100)).toMatchObject({
      address: 'w',
      running: 2,
      waiting: 1,
      queuedTokens: 300,
    });
    const after = book.begin(job(1_050));
    expect(book.facts('w', true, 1_100)).toMatchObject({ running: 2, waiting: 2, queuedTokens: 400 });
    book.end(before);
    book.end(before);
    expect(book.facts('w', true, 1_100)).toMatchObject({ running: 2, waiting: 1, queuedTokens: 300 });
    book.end(after);
    expect(book.facts('w', true, 1_100)).toMatchObject({ running: 2, waiting: 0, queuedTokens: 200 });
    expect(book.isIdle).toBe(true);
  });

  it('believes the next status instead', () => {
    const book = new WorkerBook();
    book.hear(word, 1_000);
    const one = book.begin(job(1_001));
    book.hear({ ...word, running: 0, waiting: 0, queuedTokens: 0 }, 1_500);
    expect(book.facts('w', true, 1_500)).toMatchObject({ running: 0, waiting: 0, queuedTokens: 0 });
    book.end(one);
    // Its end before the status was read cannot be told from its end after: never below nothing.
    expect(book.facts('w', true, 1_500)).toMatchObject({ running: 0, waiting: 0, queuedTokens: 0 });
  });

  it('is fresh for a while only, and not before the first status', () => {
    const book = new WorkerBook();
    expect(book.facts('w', true, 0).fresh).toBe(false);
    book.hear(word, 1_000);
    expect(book.facts('w', false, 3_500)).toMatchObject({ fresh: true, available: false });
    expect(book.facts('w', true, 3_501).fresh).toBe(false);
  });
});
