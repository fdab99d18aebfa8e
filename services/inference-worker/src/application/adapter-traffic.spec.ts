import type { PackedAdapter } from '@openledger/transformer';
import type { AdapterLoad, AdapterOrder, LoadedAdapter } from './adapter-messages.js';
import { AdapterTraffic } from './adapter-traffic.js';
import { idleLoad } from './engine-messages.js';
import type { AdapterReference } from './generation.js';

const reference = (digest: string): AdapterReference => ({ digest, configBlob: 'c', weightsBlob: 'w' });
const packed = { bytes: 100, groups: [] } as unknown as PackedAdapter;
const loaded: LoadedAdapter = { adapter: packed, origin: 'remote', loadMs: 5 };

function fixture(told: Partial<AdapterLoad> = {}) {
  const asked: string[] = [];
  const orders: AdapterOrder[] = [];
  const answers: { resolve: (loaded: LoadedAdapter) => void; reject: (error: Error) => void }[] = [];
  const traffic = new AdapterTraffic({
    source: {
      load: ({ digest }) => {
        asked.push(digest);
        return new Promise((resolve, reject) => answers.push({ resolve, reject }));
      },
    },
    order: (order) => orders.push(order),
    load: () => ({ ...idleLoad.adapters, ...told }),
    note: () => undefined,
  });
  const want = (digest: string) => traffic.hear({ kind: 'wanted', adapter: reference(digest) });
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  return { traffic, asked, orders, answers, want, settled };
}

describe('AdapterTraffic', () => {
  it('loads once while an adapter is on its way, until the engine has received it', async () => {
    const { traffic, asked, orders, answers, want, settled } = fixture();
    traffic.prefetch(reference('a'));
    want('a');
    answers[0]?.resolve(loaded);
    await settled();
    // The engine sent this before it could see the adapter.
    want('a');
    expect([asked, orders.map(({ kind }) => kind)]).toEqual([['a'], ['adapter']]);
    traffic.hear({ kind: 'adapter-received', digest: 'a' });
    want('a');
    expect(asked).toEqual(['a', 'a']);
  });

  it('hands a failure to the engine, and tries again when it is wanted again', async () => {
    const { traffic, asked, orders, answers, want, settled } = fixture();
    want('a');
    answers[0]?.reject(new Error('gone'));
    await settled();
    expect(orders).toMatchObject([{ kind: 'adapter-failed', digest: 'a', error: { message: 'gone' } }]);
    traffic.hear({ kind: 'adapter-received', digest: 'a' });
    want('a');
    expect(asked).toEqual(['a', 'a']);
  });

  it('prefetches at once where there is room, and leaves it to the engine where memory is short', () => {
    const short = fixture({ roomBytes: 150, largestBytes: 100, memoryDigests: ['there'] });
    for (const digest of ['there', 'a', 'a', 'b']) short.traffic.prefetch(reference(digest));
    expect(short.asked).toEqual(['a']);
    expect(short.orders).toEqual([{ kind: 'prefetch-adapter', adapter: reference('b') }]);
  });

  it('answers pins and unloads each by its own, and all when the engine is lost', async () => {
    const { traffic, orders } = fixture();
    const pinned = traffic.pin(reference('a'), true);
    const refused = traffic.pin(reference('b'), true);
    const unloaded = traffic.unload('c');
    const error = { kind: 'exhausted', code: 'ADAPTER_PINS_FULL', message: 'full' } as const;
    expect(orders.map(({ kind }) => kind)).toEqual(['pin-adapter', 'pin-adapter', 'unload-adapter']);
    traffic.hear({ kind: 'adapter-answer', call: 2, error });
    traffic.hear({ kind: 'adapter-answer', call: 1 });
    await expect(pinned).resolves.toBeUndefined();
    await expect(refused).rejects.toMatchObject({ code: 'ADAPTER_PINS_FULL' });
    traffic.lost(() => new Error('the engine is gone'));
    await expect(unloaded).rejects.toThrow('gone');
  });
});
