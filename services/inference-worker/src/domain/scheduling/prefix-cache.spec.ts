import { BLOCK_TOKENS, blockNames, PrefixCache } from './prefix-cache.js';

const tokens = (length: number, first = 0) => Array.from({ length }, (_, index) => first + index);
const data = (value: number) => Float32Array.of(value);

describe('blockNames', () => {
  it('names whole blocks by all that is before them', () => {
    const prompt = tokens(3 * BLOCK_TOKENS + 5);
    const names = blockNames('root', prompt);
    expect(names).toHaveLength(3);
    expect(new Set(names).size).toBe(3);
    expect(blockNames('root', prompt.slice(0, 2 * BLOCK_TOKENS))).toEqual(names.slice(0, 2));
    expect(blockNames('root', tokens(BLOCK_TOKENS - 1))).toEqual([]);
  });

  it('differs from the first token that differs on, and everywhere for another root', () => {
    const prompt = tokens(3 * BLOCK_TOKENS);
    const names = blockNames('root', prompt);
    const changed = blockNames('root', prompt.with(BLOCK_TOKENS, 9_999));
    expect(changed[0]).toBe(names[0]);
    expect(changed.slice(1).some((name) => names.includes(name))).toBe(false);
    // 1,23 and 12,3 are other tokens.
    const [one] = blockNames('root', [1, 23, ...tokens(62)]);
    const [other] = blockNames('root', [12, 3, ...tokens(62)]);
    expect(one).not.toBe(other);
    expect(blockNames('another', prompt).some((name) => names.includes(name))).toBe(false);
  });
});

describe('PrefixCache', () => {
  it('finds all of what is asked for or nothing', () => {
    const cache = new PrefixCache(100);
    cache.put('a', undefined, data(1));
    cache.put('b', 'a', data(2));
    expect(cache.find(['a', 'b'])).toEqual([data(1), data(2)]);
    expect(cache.find(['a', 'c'])).toBeUndefined();
    cache.put('orphan', 'c', data(3));
    expect(cache.find(['orphan'])).toBeUndefined();
    cache.put('a', undefined, data(9));
    expect(cache.find(['a'])).toEqual([data(1)]);
  });

  it('stays within its bytes and lets the least recent leaf go', () => {
    const cache = new PrefixCache(4 * 4);
    for (const [name, parent] of [['a'], ['a1', 'a'], ['b'], ['b1', 'b']] as const) {
      cache.put(name, parent, data(0));
    }
    expect(cache.bytes).toBe(16);
    cache.find(['a', 'a1']);
    cache.put('c', undefined, data(0));
    // b is older than b1's parent may be without it, so b1 goes first.
    expect(cache.find(['b', 'b1'])).toBeUndefined();
    expect(cache.find(['b'])).toBeDefined();
    cache.put('d', undefined, data(0));
    expect(cache.find(['a', 'a1'])).toBeUndefined();
    expect(cache.find(['a'])).toBeDefined();
    expect([cache.size, cache.bytes]).toEqual([4, 16]);
  });

  it('keeps a chain whole from its root, also when it is longer than there is room', () => {
    const cache = new PrefixCache(3 * 4);
    let parent: string | undefined;
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      cache.put(name, parent, data(0));
      parent = name;
    }
    expect(cache.find(['a', 'b', 'c'])).toBeDefined();
    expect(cache.size).toBe(3);
    const none = new PrefixCache(0);
    none.put('a', undefined, data(0));
    expect([none.size, none.bytes]).toEqual([0, 0]);
  });
});
