import fc from 'fast-check';
import { TokenBucket } from './token-bucket.js';

const MINUTE = 60_000;

describe('TokenBucket', () => {
  it('gives a minute’s worth at once and then what flows in', () => {
    const bucket = new TokenBucket(60);
    expect(bucket.waitMs(60, 0)).toBe(0);
    bucket.take(60, 0);
    expect(bucket.state(0)).toEqual({ limit: 60, remaining: 0, resetMs: MINUTE });
    expect(bucket.waitMs(1, 0)).toBe(1_000);
    expect(bucket.waitMs(1, 1_000)).toBe(0);
    expect(bucket.state(30_000)).toEqual({ limit: 60, remaining: 30, resetMs: 30_000 });
    expect(bucket.state(2 * MINUTE)).toEqual({ limit: 60, remaining: 60, resetMs: 0 });
  });

  it('never holds more than it is large', () => {
    const bucket = new TokenBucket(10);
    expect(bucket.waitMs(11, 0)).toBe(Number.POSITIVE_INFINITY);
    bucket.take(10, 0);
    bucket.giveBack(10);
    expect(bucket.state(0)).toMatchObject({ remaining: 10 });
  });

  it('lets no more through in any minute than two minutes’ worth, however it is asked', () => {
    const asks = fc.array(fc.record({ afterMs: fc.nat(20_000), amount: fc.integer({ min: 1, max: 100 }) }));
    fc.assert(
      fc.property(asks, (list) => {
        const bucket = new TokenBucket(100);
        const taken: { at: number; amount: number }[] = [];
        let now = 0;
        for (const { afterMs, amount } of list) {
          now += afterMs;
          if (bucket.waitMs(amount, now) > 0) continue;
          bucket.take(amount, now);
          taken.push({ at: now, amount });
        }
        for (const { at } of taken) {
          const minute = taken.filter((take) => take.at >= at && take.at < at + MINUTE);
          const sum = minute.reduce((total, { amount }) => total + amount, 0);
          expect(sum).toBeLessThanOrEqual(200);
        }
      }),
    );
  });

  it('opens exactly when it said', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 100 }), (first, second) => {
        const bucket = new TokenBucket(100);
        bucket.take(first, 0);
        const wait = bucket.waitMs(second, 0);
        expect(bucket.waitMs(second, wait)).toBeCloseTo(0, 6);
        if (wait > 1) expect(bucket.waitMs(second, wait - 1)).toBeGreaterThan(0);
      }),
    );
  });
});
