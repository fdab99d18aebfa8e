import { LoadFailures } from './load-failures.js';

const failures = () => new LoadFailures<string>({ firstMs: 100, longestMs: 1_000, entriesMax: 3 });

describe('LoadFailures', () => {
  it('believes each failure in a row longer, up to a limit, and none for ever', () => {
    const known = failures();
    let now = 0;
    const waits: number[] = [];
    for (let attempt = 0; attempt < 6; attempt += 1) {
      known.failed('a', `attempt ${attempt}`, now);
      let wait = 0;
      while (known.reason('a', now + wait) !== undefined) wait += 50;
      waits.push(wait);
      now += wait;
    }
    expect(waits).toEqual([100, 200, 400, 800, 1_000, 1_000]);
    expect(known.reason('b', now)).toBeUndefined();
  });

  it('begins anew after a success and after a long time', () => {
    const known = failures();
    known.failed('a', 'first', 0);
    known.failed('a', 'second', 0);
    known.succeeded('a');
    expect(known.reason('a', 0)).toBeUndefined();
    known.failed('a', 'third', 0);
    expect(known.reason('a', 99)).toBe('third');
    known.failed('a', 'fourth', 5_000);
    expect(known.reason('a', 5_100)).toBeUndefined();
  });

  it('remembers a bounded number, and forgets the oldest', () => {
    const known = failures();
    for (const key of ['a', 'b', 'c', 'd']) known.failed(key, key, 0);
    expect(['a', 'b', 'c', 'd'].map((key) => known.reason(key, 1))).toEqual([undefined, 'b', 'c', 'd']);
  });
});
