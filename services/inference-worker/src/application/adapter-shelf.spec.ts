import { type PackedAdapter } from '@openledger/transformer';
import { AdapterShelf } from './adapter-shelf.js';

const nothing = new Set<string>();

function packed(bytes: number): PackedAdapter {
  return {
    packing: 'float32',
    rank: 8,
    pages: 1,
    targetModules: ['q_proj'],
    bytes,
    scale: 1,
    groups: [],
  };
}

function filled(bytesMax: number, digests: readonly string[]): AdapterShelf {
  const shelf = new AdapterShelf(bytesMax);
  for (const digest of digests) shelf.put({ digest, adapter: packed(100) }, 10, nothing);
  return shelf;
}

describe('AdapterShelf', () => {
  it('makes room by what is least worth keeping, never by what is used, pinned or waited for', () => {
    const shelf = filled(400, ['used', 'pinned', 'kept', 'idle']);
    const held = shelf.take('used');
    shelf.pin('pinned', true);
    expect(shelf.put({ digest: 'new', adapter: packed(100) }, 10, new Set(['kept']))).toBe(true);
    expect(shelf.digests).toEqual(['used', 'pinned', 'kept', 'new']);
    expect(shelf.put({ digest: 'more', adapter: packed(200) }, 10, new Set(['kept']))).toBe(false);
    shelf.release(held);
    expect(shelf.put({ digest: 'more', adapter: packed(200) }, 10, new Set(['kept']))).toBe(true);
    expect([shelf.digests, shelf.bytes]).toEqual([['pinned', 'kept', 'more'], 400]);
  });

  it('keeps one object for each digest', () => {
    const shelf = filled(1_000, ['a']);
    const first = shelf.peek('a');
    shelf.put({ digest: 'a', adapter: packed(100) }, 10, nothing);
    expect(shelf.take('a').adapter).toBe(first);
    expect(shelf.bytes).toBe(100);
  });

  it('leaves half of the memory to what is not pinned', () => {
    const shelf = filled(400, ['a', 'b', 'c']);
    shelf.pin('a', true);
    shelf.pin('b', true);
    expect(() => shelf.pin('c', true)).toThrow(expect.objectContaining({ code: 'ADAPTER_PINS_FULL' }));
    shelf.pin('a', false);
    shelf.pin('c', true);
    expect(shelf.pinned).toEqual(['b', 'c']);
  });

  it('tells that an unloaded adapter is gone when its last user is, and gives nobody the old one', () => {
    const shelf = filled(400, ['a']);
    const told: string[] = [];
    shelf.listen({ gone: (_, reason) => told.push(reason) });
    const old = shelf.take('a');
    const other = shelf.take('a');
    shelf.unload('a', () => told.push('answered'));
    expect([shelf.has('a'), shelf.bytes, told]).toEqual([false, 100, []]);
    shelf.put({ digest: 'a', adapter: packed(100) }, 10, nothing);
    const anew = shelf.take('a');
    expect(anew.adapter).not.toBe(old.adapter);
    shelf.release(old);
    expect(told).toEqual([]);
    shelf.release(other);
    expect([told, shelf.bytes, shelf.has('a')]).toEqual([['unload', 'answered'], 100, true]);
    shelf.unload('a', () => told.push('both'));
    shelf.unload('a', () => told.push('both'));
    shelf.release(anew);
    expect([told.slice(2), shelf.bytes]).toEqual([['unload', 'both', 'both'], 0]);
    shelf.unload('a', () => told.push('nothing there'));
    expect(told).toContain('nothing there');
  });
});
