import type { ServedAdapter } from '@openledger/transformer';
import { AdapterShelf } from './adapter-shelf.js';

const hundredBytes = (): ServedAdapter => ({
  config: { rank: 1, alpha: 1, targetModules: ['q_proj'] },
  weights: new Map([['a', { shape: [25], data: new Float32Array(25) }]]),
});

describe('AdapterShelf', () => {
  it('lets the least recently used go when it is over its limit, never one in use', () => {
    const shelf = new AdapterShelf(250);
    for (const digest of ['a', 'b', 'c']) shelf.put(digest, hundredBytes());
    shelf.take('a');
    shelf.take('b');
    shelf.release('b');
    expect(shelf.digests).toEqual(['a', 'b']);
    shelf.put('d', hundredBytes());
    shelf.release('a');
    expect(shelf.digests).toEqual(['b', 'd']);
    expect(shelf.has('c')).toBe(false);
  });

  it('keeps one object for each digest', () => {
    const shelf = new AdapterShelf(1_000);
    const first = hundredBytes();
    shelf.put('a', first);
    shelf.put('a', hundredBytes());
    expect(shelf.take('a')).toBe(first);
  });
});
