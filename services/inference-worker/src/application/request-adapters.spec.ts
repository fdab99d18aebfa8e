import type { PackedAdapter } from '@openledger/transformer';
import type { AdapterReport } from './adapter-messages.js';
import { AdapterPages, type PagePool } from './adapter-pages.js';
import { AdapterShelf } from './adapter-shelf.js';
import type { AdapterReference } from './generation.js';
import { RequestAdapters } from './request-adapters.js';

/** Keeps to the pool's rules without its memory. */
class Pages implements PagePool {
  readonly loaded = new Set<PackedAdapter>();

  constructor(readonly pageCount: number) {}

  get pagesFree(): number {
    return [...this.loaded].reduce((free, { pages }) => free - pages, this.pageCount);
  }

  has(adapter: PackedAdapter): boolean {
    return this.loaded.has(adapter);
  }

  load(adapter: PackedAdapter): void {
    if (adapter.pages > this.pagesFree) throw new Error('the pool is full');
    this.loaded.add(adapter);
  }

  unload(adapter: PackedAdapter): void {
    this.loaded.delete(adapter);
  }
}

const reference = (digest: string): AdapterReference => ({ digest, configBlob: 'c', weightsBlob: 'w' });

function fixture({ bytesMax = 300, pageCount = 4 } = {}) {
  const ready = new Map<number, readonly PackedAdapter[]>();
  const failed = new Map<number, string>();
  const reports: AdapterReport[] = [];
  const pool = new Pages(pageCount);
  const pages = new AdapterPages(pool, (note) => reports.push({ kind: 'adapter-note', note }));
  const adapters = new RequestAdapters(new AdapterShelf(bytesMax), pages, {
    ready: (id, given) => ready.set(id, given),
    failed: (id, { code }) => failed.set(id, code),
    report: (report) => reports.push(report),
  });
  const wanted = () => reports.flatMap((r) => (r.kind === 'wanted' ? [r.adapter.digest] : []));
  const answers = () =>
    reports.flatMap((r) => (r.kind === 'adapter-answer' ? [[r.call, r.error?.code]] : []));
  const arrive = (digest: string, { bytes = 100, pages: count = 1 } = {}) => {
    const adapter: PackedAdapter = {
      packing: 'float32',
      rank: 8 * count,
      pages: count,
      targetModules: ['q_proj'],
      bytes,
      scale: 1,
      groups: [],
    };
    adapters.apply({ kind: 'adapter', digest, adapter, origin: 'remote', loadMs: 10 });
    return adapter;
  };
  const ask = (id: number, ...digests: string[]) => adapters.ask(id, digests.map(reference));
  return { adapters, pool, ready, failed, reports, wanted, answers, arrive, ask };
}

describe('RequestAdapters', () => {
  it('fetches once for all who ask, and gives when it is there', () => {
    const { adapters, ready, wanted, arrive, ask } = fixture();
    ask(1, 'a');
    ask(2, 'a');
    expect([wanted(), adapters.waiting]).toEqual([['a'], 2]);
    const a = arrive('a');
    ask(3, 'a');
    expect([...ready]).toEqual([1, 2, 3].map((id) => [id, [a]]));
    expect(wanted()).toEqual(['a']);
  });

  it('gives several adapters together, in the order asked for', () => {
    const { ready, arrive, ask } = fixture();
    ask(1, 'a', 'b');
    const b = arrive('b');
    expect(ready.size).toBe(0);
    const a = arrive('a');
    expect(ready.get(1)).toEqual([a, b]);
  });

  it('fails those who asked for what cannot be had, and nobody else', () => {
    const { adapters, ready, failed, arrive, ask } = fixture();
    ask(1, 'a');
    ask(2, 'b', 'a');
    ask(3, 'b');
    const error = { kind: 'unavailable', code: 'ADAPTER_UNAVAILABLE', message: '' } as const;
    adapters.apply({ kind: 'adapter-failed', digest: 'a', error });
    arrive('b');
    expect([[...failed.keys()], [...ready.keys()]]).toEqual([[1, 2], [3]]);
    expect(adapters.waiting).toBe(0);
  });

  it('wants no more than there is room for, and the rest when requests end', () => {
    const { adapters, ready, wanted, arrive, ask } = fixture({ bytesMax: 250 });
    ask(1, 'a');
    arrive('a');
    for (const [at, digest] of ['b', 'c', 'd'].entries()) ask(2 + at, digest);
    expect(wanted()).toEqual(['a', 'b']);
    arrive('b');
    expect(wanted()).toEqual(['a', 'b']);
    adapters.release(1);
    expect(wanted()).toEqual(['a', 'b', 'c']);
    arrive('c');
    expect([...ready.keys()]).toEqual([1, 2, 3]);
    adapters.release(4);
    expect(adapters.waiting).toBe(0);
  });

  it('serves two requests that together need more than all of the memory one after the other', () => {
    const { adapters, ready, arrive, ask } = fixture({ bytesMax: 300 });
    ask(1, 'a', 'b');
    ask(2, 'c', 'd');
    for (const digest of ['c', 'a', 'b', 'd']) arrive(digest);
    expect([...ready.keys()]).toEqual([1]);
    expect(adapters.load.loadingDigests).toEqual([]);
    adapters.release(1);
    expect(adapters.load.loadingDigests).toEqual(['d']);
    arrive('d');
    expect([...ready.keys()]).toEqual([1, 2]);
  });

  it('fails what never fits, rather than let it wait for ever', () => {
    const { failed, arrive, ask } = fixture({ bytesMax: 300, pageCount: 4 });
    ask(1, 'huge');
    arrive('huge', { bytes: 301 });
    ask(2, 'wide');
    arrive('wide', { pages: 5 });
    expect([...failed]).toEqual([
      [1, 'ADAPTER_TOO_LARGE'],
      [2, 'ADAPTER_TOO_LARGE'],
    ]);
  });

  it('serves those who waited behind one that never fits', () => {
    const { ready, failed, wanted, arrive, ask } = fixture();
    ask(1, 'a', 'b', 'c', 'd');
    for (const digest of ['a', 'b', 'c']) arrive(digest);
    ask(2, 'e');
    expect(wanted()).not.toContain('e');
    arrive('d');
    expect([...failed]).toEqual([[1, 'ADAPTER_TOO_LARGE']]);
    expect(wanted()).toContain('e');
    const e = arrive('e');
    expect(ready.get(2)).toEqual([e]);
  });

  it('admits to the pool as far as it reaches, and makes room by what no row uses', () => {
    const { adapters, pool, arrive, ask } = fixture({ bytesMax: 1_000, pageCount: 4 });
    for (const [at, digest] of ['a', 'b', 'c'].entries()) {
      ask(at, digest);
      arrive(digest, { pages: 2 });
    }
    expect([0, 1, 2].map((id) => adapters.admit(id))).toEqual([true, true, false]);
    adapters.release(0);
    expect(adapters.admit(2)).toBe(true);
    expect(adapters.load.poolDigests).toEqual(['b', 'c']);
    adapters.suspend(1);
    ask(4, 'a');
    expect([adapters.admit(4), adapters.admit(1), pool.pagesFree]).toEqual([true, false, 0]);
  });

  it('pins, also what is not there yet, and tells why it cannot', () => {
    const { adapters, answers, arrive } = fixture({ bytesMax: 250 });
    const pin = (call: number, digest: string, pinned = true) =>
      adapters.apply({ kind: 'pin-adapter', call, adapter: reference(digest), pinned });
    pin(1, 'a');
    expect(answers()).toEqual([]);
    arrive('a');
    pin(2, 'b');
    arrive('b');
    pin(3, 'missing');
    const error = { kind: 'unavailable', code: 'ADAPTER_UNAVAILABLE', message: '' } as const;
    adapters.apply({ kind: 'adapter-failed', digest: 'missing', error });
    pin(4, 'a', false);
    expect(answers()).toEqual([
      [1, undefined],
      [2, 'ADAPTER_PINS_FULL'],
      [3, 'ADAPTER_UNAVAILABLE'],
      [4, undefined],
    ]);
    expect(adapters.load.pinnedDigests).toEqual([]);
  });

  it('finishes with the old weights after an unload, and never mixes them with the new', () => {
    const { adapters, pool, ready, answers, arrive, ask } = fixture();
    ask(1, 'a');
    const old = arrive('a');
    adapters.admit(1);
    adapters.apply({ kind: 'unload-adapter', call: 7, digest: 'a' });
    expect([answers(), pool.has(old), adapters.load.memoryDigests]).toEqual([[], true, []]);
    ask(2, 'a');
    const anew = arrive('a');
    adapters.admit(2);
    expect([ready.get(1), ready.get(2)]).toEqual([[old], [anew]]);
    adapters.release(1);
    expect([answers(), pool.has(old), pool.has(anew)]).toEqual([[[7, undefined]], false, true]);
  });

  it('does not take in what was unloaded on its way, unless somebody came for it', () => {
    const { adapters, ready, arrive, ask } = fixture();
    adapters.apply({ kind: 'prefetch-adapter', adapter: reference('a') });
    adapters.apply({ kind: 'unload-adapter', call: 1, digest: 'a' });
    arrive('a');
    expect(adapters.load.memoryDigests).toEqual([]);
    adapters.apply({ kind: 'prefetch-adapter', adapter: reference('a') });
    adapters.apply({ kind: 'unload-adapter', call: 2, digest: 'a' });
    ask(1, 'a');
    arrive('a');
    expect([...ready.keys()]).toEqual([1]);
  });
});
