import { sha256 } from '@openledger/kernel';
import { rankWorkers, type WorkerLoad } from './rank-workers.js';

const idle = (address: string): WorkerLoad => ({ address, reachable: true, inFlight: 0 });
const four = ['a', 'b', 'c', 'd'].map(idle);
const digests = Array.from({ length: 400 }, (_, index) => sha256(String(index)));
const firstOf = (workers: readonly WorkerLoad[], digest: string) => rankWorkers(workers, digest)[0]?.address;

describe('rankWorkers', () => {
  it('spreads adapters evenly and gives an adapter the same worker each time', () => {
    const counts = new Map<string | undefined, number>();
    for (const digest of digests) {
      const address = firstOf(four, digest);
      expect(firstOf([...four].reverse(), digest)).toBe(address);
      counts.set(address, (counts.get(address) ?? 0) + 1);
    }
    for (const worker of four) expect(counts.get(worker.address)).toBeGreaterThan(60);
  });

  it('moves only the adapters of a worker that leaves', () => {
    const without = four.filter(({ address }) => address !== 'b');
    for (const digest of digests) {
      const before = firstOf(four, digest);
      if (before !== 'b') expect(firstOf(without, digest)).toBe(before);
    }
  });

  it('overflows from a loaded worker, and tries one that does not answer last', () => {
    const digest = digests[0] ?? '';
    const home = firstOf(four, digest);
    const loaded = four.map((worker) => (worker.address === home ? { ...worker, inFlight: 9 } : worker));
    expect(firstOf(loaded, digest)).not.toBe(home);
    const down = four.map((worker) => (worker.address === home ? { ...worker, reachable: false } : worker));
    expect(rankWorkers(down, digest).at(-1)?.address).toBe(home);
  });
});
