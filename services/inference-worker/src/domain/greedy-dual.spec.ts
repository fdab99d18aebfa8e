import { GreedyDual } from './greedy-dual.js';

const always = () => true;
const item = { bytes: 100, cost: 10 };

/** Hits of a cache of `room` equal items on a sequence of keys. */
function hits(keys: readonly string[], room: number): number {
  const policy = new GreedyDual();
  const held = new Set<string>();
  let found = 0;
  for (const key of keys) {
    if (held.has(key)) {
      found += 1;
      policy.used(key);
      continue;
    }
    if (held.size === room) held.delete(policy.evict(always) ?? '');
    held.add(key);
    policy.add(key, item);
  }
  return found;
}

/** The same of least-recently-used. */
function hitsOfLru(keys: readonly string[], room: number): number {
  const held = new Set<string>();
  let found = 0;
  for (const key of keys) {
    if (held.delete(key)) found += 1;
    const [oldest] = held;
    if (held.size === room && oldest !== undefined) held.delete(oldest);
    held.add(key);
  }
  return found;
}

describe('GreedyDual', () => {
  it('lets go what is used least, and of equals what was used longest ago', () => {
    const policy = new GreedyDual();
    for (const key of ['a', 'b', 'c']) policy.add(key, item);
    policy.used('a');
    expect([policy.evict(always), policy.evict(always), policy.evict(always)]).toEqual(['b', 'c', 'a']);
    expect(policy.evict(always)).toBeUndefined();
  });

  it('keeps what is dear to load again, and what is small', () => {
    const policy = new GreedyDual();
    policy.add('dear', { bytes: 100, cost: 100 });
    policy.add('large', { bytes: 400, cost: 10 });
    policy.add('plain', item);
    expect([policy.evict(always), policy.evict(always)]).toEqual(['large', 'plain']);
  });

  it('passes over what must stay', () => {
    const policy = new GreedyDual();
    for (const key of ['a', 'b']) policy.add(key, item);
    expect(policy.evict((key) => key !== 'a')).toBe('b');
    expect(policy.evict((key) => key !== 'a')).toBeUndefined();
  });

  it('forgets former fame: what is used now outlasts what was used often once', () => {
    const policy = new GreedyDual();
    policy.add('famous', item);
    for (let use = 0; use < 20; use += 1) policy.used('famous');
    let gone = '';
    let rounds = 0;
    for (; gone !== 'famous' && rounds < 1_000; rounds += 1) {
      policy.add(`new ${rounds}`, item);
      policy.used(`new ${rounds}`);
      gone = policy.evict(always) ?? '';
    }
    expect(gone).toBe('famous');
    expect(rounds).toBeLessThan(25);
  });

  it('survives a scan that leaves least-recently-used with nothing', () => {
    const popular = ['p1', 'p2', 'p3', 'p4'];
    const keys: string[] = [];
    // Four keys that are asked for again and again, and between two rounds eight that come once.
    for (let round = 0; round < 50; round += 1) {
      keys.push(...popular);
      for (let once = 0; once < 8; once += 1) keys.push(`scan ${round} ${once}`);
    }
    expect(hitsOfLru(keys, 8)).toBe(0);
    // All of the popular ones but for the rounds in which they become so.
    expect(hits(keys, 8)).toBeGreaterThan(0.8 * 50 * popular.length);
  });

  it('serves part of a cycle longer than the cache that has favourites', () => {
    // Zipf-like: key k comes every k-th time, in a cycle of 40 keys through a cache of 10.
    const keys = Array.from({ length: 4_000 }, (_, at) => {
      let key = 1;
      while (key < 40 && (at * 7_919) % (key + 1) !== 0) key += 1;
      return String(key);
    });
    expect(hits(keys, 10)).toBeGreaterThanOrEqual(hitsOfLru(keys, 10));
  });
});
