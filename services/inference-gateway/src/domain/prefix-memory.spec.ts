import { PrefixMemory, prefixBlocks } from './prefix-memory.js';

const tokens = (count: number, seed = 1) => Array.from({ length: count }, (_, index) => (index * seed) % 977);

describe('PrefixMemory', () => {
  it('knows the longest whole blocks that a worker has read', () => {
    const memory = new PrefixMemory();
    memory.sent('a', prefixBlocks('t', ['x'], tokens(200)));
    const longer = [...tokens(200), ...tokens(300, 3)];
    expect(memory.knownTokens('a', prefixBlocks('t', ['x'], longer))).toBe(192);
    expect(memory.knownTokens('b', prefixBlocks('t', ['x'], longer))).toBe(0);
    const other = tokens(200).with(70, 5);
    expect(memory.knownTokens('a', prefixBlocks('t', ['x'], other))).toBe(64);
    expect(memory.knownTokens('a', prefixBlocks('t', ['x'], tokens(63)))).toBe(0);
  });

  it('shares nothing between tenants or adapters', () => {
    const memory = new PrefixMemory();
    memory.sent('a', prefixBlocks('t', ['x'], tokens(128)));
    for (const [tenant, adapters] of [
      ['u', ['x']],
      ['t', ['y']],
      ['t', []],
      ['t', ['x', 'y']],
    ] as const) {
      expect(memory.knownTokens('a', prefixBlocks(tenant, adapters, tokens(128)))).toBe(0);
    }
  });

  it('forgets what was used longest ago, ends before beginnings, and a worker whole', () => {
    const memory = new PrefixMemory();
    const kept = prefixBlocks('t', [], tokens(640));
    memory.sent('a', kept);
    for (let prompt = 0; prompt < 1_000; prompt += 1) {
      memory.sent('a', kept.slice(0, 5));
      memory.sent('a', prefixBlocks(`u${prompt}`, [], tokens(640)));
    }
    expect(memory.knownTokens('a', kept)).toBe(320);
    memory.forget('a');
    expect(memory.knownTokens('a', kept)).toBe(0);
  });
});
