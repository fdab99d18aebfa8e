import { sha256 } from '@openledger/kernel';
import { inKeyOrder, rankWorkers, type WorkerLoad } from './rank-workers.js';

const idle = (address: string): WorkerLoad => ({
  address,
  available: true,
  fresh: true,
  requests: 0,
  rowsMax: 8,
  residency: 0,
  prefixShare: 0,
  waitSeconds: 0,
  kvUsage: 0,
});
const four = ['a', 'b', 'c', 'd'].map(idle);
const digests = Array.from({ length: 400 }, (_, index) => sha256(String(index)));
const order = (workers: readonly WorkerLoad[], key: string, count = 1) =>
  rankWorkers(workers, { key, count }).map(({ address }) => address);
const but = (address: string | undefined, fields: Partial<WorkerLoad>) =>
  four.map((worker) => (worker.address === address ? { ...worker, ...fields } : worker));

describe('rankWorkers', () => {
  const [key = ''] = digests;
  const [first, second, third, fourth] = order(four, key);

  it('spreads adapters evenly and gives an adapter the same order each time', () => {
    const counts = new Map<string | undefined, number>();
    for (const digest of digests) {
      const [home] = order(four, digest);
      expect(order([...four].reverse(), digest)).toEqual(order(four, digest));
      counts.set(home, (counts.get(home) ?? 0) + 1);
    }
    for (const worker of four) expect(counts.get(worker.address)).toBeGreaterThan(60);
  });

  it('moves only the adapters of a worker that leaves', () => {
    const without = four.filter(({ address }) => address !== 'b');
    for (const digest of digests) {
      const [before] = order(four, digest);
      if (before !== 'b') expect(order(without, digest)[0]).toBe(before);
    }
  });

  it('uses an adapter where it is, by tier, rather than at its home', () => {
    expect(order(but(third, { residency: 1 }), key)[0]).toBe(third);
    expect(order(but(fourth, { residency: 0.8 }), key)[0]).toBe(fourth);
    const both = but(third, { residency: 1 }).map((worker) =>
      worker.address === fourth ? { ...worker, residency: 0.8 } : worker,
    );
    expect(order(both, key)[0]).toBe(third);
  });

  it('goes where the prompt has been read, and away from long queues and full caches', () => {
    expect(order(but(second, { prefixShare: 0.9 }), key)[0]).toBe(second);
    expect(order(but(first, { residency: 1, waitSeconds: 1 }), key)[0]).toBe(first);
    expect(order(but(first, { residency: 1, waitSeconds: 6 }), key)[0]).not.toBe(first);
    expect(order(but('a', { kvUsage: 0.9 }), '').at(-1)).toBe('a');
    expect(order(but('b', { waitSeconds: 0.2 }), '').at(-1)).toBe('b');
  });

  it('uses as many homes as an adapter has', () => {
    const busy = but(first, { waitSeconds: 0.4 });
    expect(order(busy, key, 1)[0]).toBe(first);
    expect(order(busy, key, 2)[0]).toBe(second);
  });

  it('overflows from a worker with more than its share, but not from one with a free row', () => {
    expect(order(but(first, { residency: 1, requests: 7 }), key)[0]).toBe(first);
    expect(order(but(first, { residency: 1, requests: 9 }), key)).toEqual([second, third, fourth, first]);
  });

  it('counts a stale worker as full, and tries one that failed last', () => {
    expect(order(but(first, { residency: 1, fresh: false }), key).at(-1)).toBe(first);
    const failed = but(first, { available: false }).map((worker) =>
      worker.address === second ? { ...worker, fresh: false } : worker,
    );
    expect(order(failed, key)).toEqual([third, fourth, second, first]);
  });

  it('hashes workers by address alone', () => {
    expect(inKeyOrder(four, key).map(({ address }) => address)).toEqual([first, second, third, fourth]);
  });
});
