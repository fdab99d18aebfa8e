import { SpendLease } from '../domain/spend-lease.js';
import { LeaseAccount } from './lease-account.js';

const lease = (id: string, grantedWei: bigint, useUntilMs = 10_000) =>
  new SpendLease(id, grantedWei, useUntilMs);

describe("an organisation's leases", () => {
  it('are drawn on one after the other, and for one request from one only', () => {
    const account = new LeaseAccount('organisation', 0);
    account.add(lease('first', 100n), 0);
    account.add(lease('second', 100n), 0);
    expect(account.take([60n, 30n], 0)?.id).toBe('first');
    expect(account.take([11n], 0)?.id).toBe('second');
    expect(account.take([10n], 0)?.id).toBe('first');
    expect(account.take([50n, 50n], 0)).toBeUndefined();
    expect(account.need(5n, 0)).toMatchObject({ mostWei: 5n, reservedWei: 111n, spentPerWindowWei: 0n });
  });

  it('are renewed before they run dry or out, and not while settlement has nothing', () => {
    const account = new LeaseAccount('organisation', 0);
    expect(account.isLow(0)).toBe(true);
    account.add(lease('first', 100n), 0);
    expect(account.isLow(0)).toBe(false);
    account.take([76n], 0);
    expect(account.isLow(0)).toBe(true);
    account.quietUntilMs = 50;
    expect(account.isLow(49)).toBe(false);
    account.add(lease('second', 100n), 0);
    expect([account.isLow(7_499), account.isLow(7_500)]).toEqual([false, true]);
    account.asking = Promise.resolve({ kind: 'granted' });
    expect(account.isLow(7_500)).toBe(false);
  });

  it('go back when nothing runs on them and nothing can begin', () => {
    const account = new LeaseAccount('organisation', 0);
    const short = lease('short', 100n, 1_000);
    const dry = lease('dry', 10n);
    const open = lease('open', 100n);
    for (const one of [short, dry, open]) account.add(one, 0);
    expect(account.take([100n], 0)).toBe(short);
    expect(account.take([10n], 0)).toBe(dry);
    account.settle(dry, 10n, 10n, 0);
    expect(account.takeFinished(0)).toEqual([dry]);
    expect(account.takeFinished(1_000)).toEqual([]);
    account.settle(short, 100n, 40n, 1_000);
    expect(account.takeFinished(1_000)).toEqual([short]);
    expect(account.need(1n, 1_000).spentPerWindowWei).toBe(50n);
    expect([account.isEmpty, account.all]).toEqual([false, [open]]);
    open.end();
    expect(account.takeFinished(1_000)).toEqual([open]);
    expect(account.isEmpty).toBe(true);
  });
});
