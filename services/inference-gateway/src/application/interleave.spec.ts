import { interleave } from './interleave.js';

async function* count(name: string, to: number, ended: string[] = []): AsyncGenerator<string> {
  try {
    for (let i = 0; i < to; i += 1) yield `${name}${i}`;
  } finally {
    ended.push(name);
  }
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

describe('interleave', () => {
  it('gives all items of all sources, each source in its order', async () => {
    const items = await all(interleave([count('a', 3), count('b', 0), count('c', 5)]));
    const of = (source: number) => items.filter((one) => one.source === source).map(({ item }) => item);
    expect(of(0)).toEqual(['a0', 'a1', 'a2']);
    expect(of(1)).toEqual([]);
    expect(of(2)).toEqual(['c0', 'c1', 'c2', 'c3', 'c4']);
    // None waits for another.
    expect(items.findIndex(({ item }) => item === 'c0')).toBeLessThan(2);
  });

  it('reads one item ahead and no more', async () => {
    let asked = 0;
    const endless = async function* () {
      for (; ; asked += 1) yield asked;
    };
    const merged = interleave([endless(), endless()]);
    for (let i = 0; i < 10; i += 1) await merged.next();
    await new Promise((resolve) => setImmediate(resolve));
    expect(asked).toBeLessThanOrEqual(12);
    await merged.return(undefined);
  });

  it('ends the others when one fails, and all when nobody reads on', async () => {
    const ended: string[] = [];
    // biome-ignore lint/correctness/useYield: it fails before it gives anything
    const failing = async function* (): AsyncGenerator<string> {
      throw new Error('broken');
    };
    await expect(all(interleave([count('a', 1e9, ended), failing()]))).rejects.toThrow('broken');
    expect(ended).toEqual(['a']);
    const merged = interleave([count('b', 9, ended), count('c', 9, ended)]);
    await merged.next();
    await merged.return(undefined);
    expect(ended.toSorted()).toEqual(['a', 'b', 'c']);
  });
});
