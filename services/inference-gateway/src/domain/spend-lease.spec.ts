import fc from 'fast-check';
import { SpendLease } from './spend-lease.js';

const UNTIL = 1_000;

describe('a spend lease', () => {
  it('gives out no more than it has, and takes back what was not spent', () => {
    const lease = new SpendLease('lease', 100n, UNTIL);
    expect(lease.reserve(60n, 0)).toBe(true);
    expect(lease.reserve(41n, 0)).toBe(false);
    expect(lease.reserve(40n, 0)).toBe(true);
    lease.settle(60n, 15n);
    expect(lease.usableWei(0)).toBe(45n);
    lease.settle(40n, 0n);
    expect([lease.freeWei, lease.isInUse]).toEqual([85n, false]);
  });

  it('begins nothing at its end, and lets what has begun come to its own', () => {
    const lease = new SpendLease('lease', 100n, UNTIL);
    expect(lease.reserve(10n, UNTIL - 1)).toBe(true);
    expect(lease.reserve(10n, UNTIL)).toBe(false);
    lease.settle(10n, 4n);
    expect([lease.usableWei(UNTIL), lease.freeWei]).toEqual([0n, 96n]);
    const returned = new SpendLease('other', 100n, UNTIL);
    returned.end();
    expect(returned.reserve(1n, 0)).toBe(false);
  });

  it('refuses to settle what was not reserved', () => {
    const lease = new SpendLease('lease', 100n, UNTIL);
    expect(() => lease.settle(1n, 0n)).toThrow('what is settled was reserved');
    expect(() => lease.reserve(0n, 0)).toThrow('a reservation is for something');
  });

  it('never overspends, and what comes back and what was spent are what was granted', () => {
    const step = fc.record({
      most: fc.bigInt(1n, 2n ** 80n),
      share: fc.integer({ min: 0, max: 100 }),
      settles: fc.boolean(),
      pick: fc.nat(50),
    });
    fc.assert(
      fc.property(fc.bigInt(1n, 2n ** 82n), fc.array(step, { maxLength: 60 }), (granted, steps) => {
        const lease = new SpendLease('lease', granted, UNTIL);
        const open: { most: bigint; spent: bigint }[] = [];
        let spent = 0n;
        const settle = (at: number) => {
          for (const one of open.splice(at, 1)) {
            lease.settle(one.most, one.spent);
            spent += one.spent;
          }
        };
        for (const { most, share, settles, pick } of steps) {
          if (settles) settle(pick % Math.max(open.length, 1));
          else if (lease.reserve(most, 0)) open.push({ most, spent: (most * BigInt(share)) / 100n });
          const reserved = open.reduce((sum, one) => sum + one.most, 0n);
          expect(lease.freeWei).toBe(granted - reserved - spent);
          expect(lease.freeWei >= 0n).toBe(true);
          expect(lease.isInUse).toBe(open.length > 0);
        }
        while (open.length > 0) settle(0);
        expect(lease.freeWei + spent).toBe(granted);
      }),
    );
  });
});
