import { BURST_TOKENS, VirtualCounters } from './virtual-counters.js';

describe('VirtualCounters', () => {
  it('charges generated tokens twice and takes back what was not needed', () => {
    const counters = new VirtualCounters();
    counters.arrive('a');
    counters.charge('a', { prompt: 10, generated: 3 });
    expect(counters.of('a')).toBe(16);
    counters.charge('a', { prompt: -4 });
    expect(counters.of('a')).toBe(12);
    expect(counters.of('nobody')).toBe(0);
  });

  it('lifts whoever comes to the least of those at work, and who comes back to a burst below', () => {
    const counters = new VirtualCounters();
    for (const tenant of ['a', 'b', 'back']) counters.arrive(tenant);
    counters.leave('back');
    counters.charge('a', { prompt: 10_000 });
    counters.charge('b', { prompt: 30_000 });
    counters.arrive('new');
    counters.arrive('back');
    expect([counters.of('new'), counters.of('back')]).toEqual([10_000, 10_000 - BURST_TOKENS]);
    // With a request at hand it is not lifted again.
    counters.charge('a', { prompt: 50_000 });
    counters.charge('new', { prompt: 50_000 });
    counters.arrive('back');
    expect(counters.of('back')).toBe(10_000 - BURST_TOKENS);
  });

  it('does not lift a tenant above what it was charged itself, and forgets no debt', () => {
    const counters = new VirtualCounters();
    counters.arrive('greedy');
    counters.charge('greedy', { prompt: 10_000 });
    counters.leave('greedy');
    counters.arrive('other');
    // The engine was idle: the newcomer starts where the last one left.
    expect(counters.of('other')).toBe(10_000);
    counters.charge('other', { prompt: 5 });
    counters.arrive('greedy');
    expect(counters.of('greedy')).toBe(10_000);
  });

  it('counts tenants that have requests, and survives leaving too often', () => {
    const counters = new VirtualCounters();
    counters.arrive('a');
    counters.arrive('a');
    counters.arrive('b');
    expect(counters.tenants).toBe(2);
    counters.leave('a');
    expect(counters.tenants).toBe(2);
    for (let times = 0; times < 3; times += 1) counters.leave('a');
    expect(counters.tenants).toBe(1);
    counters.charge('b', { prompt: 7 });
    expect(counters.gap(['a', 'b'])).toBe(7);
    expect(counters.gap(['b'])).toBe(0);
  });

  it('remembers a bounded number of tenants that are gone', () => {
    const counters = new VirtualCounters();
    counters.arrive('stays');
    for (let tenant = 0; tenant < 12_000; tenant += 1) {
      counters.arrive(`t${tenant}`);
      counters.charge(`t${tenant}`, { prompt: 5 });
      counters.leave(`t${tenant}`);
    }
    expect((Reflect.get(counters, 'accounts') as Map<string, unknown>).size).toBe(10_001);
    expect(counters.of('t11999')).toBe(5);
    expect(counters.of('t0')).toBe(0);
  });

  it('bounds what two backlogged tenants differ by, whatever their requests are (Theorem 4.4)', () => {
    const counters = new VirtualCounters();
    const served = new Map([
      ['small', 0],
      ['large', 0],
    ]);
    for (const tenant of served.keys()) counters.arrive(tenant);
    let widest = 0;
    for (let step = 0; step < 5_000; step += 1) {
      const next = [...served.keys()].reduce((a, b) => (counters.of(b) < counters.of(a) ? b : a));
      const largest = next === 'large' ? 400 : 20;
      const prompt = 1 + ((step * 7_919) % largest);
      counters.charge(next, { prompt, generated: prompt });
      served.set(next, (served.get(next) ?? 0) + 3 * prompt);
      widest = Math.max(widest, Math.abs((served.get('large') ?? 0) - (served.get('small') ?? 0)));
    }
    expect(widest).toBeLessThanOrEqual(2 * 3 * 400);
    expect(served.get('small')).toBeGreaterThan(100_000);
  });
});
