import { setTimeout as delay } from 'node:timers/promises';
import { type Lease, LeasedLoop } from './leased-loop.js';

/** A lease in memory that never runs out by itself. */
class MemoryLease implements Lease {
  holder: string | undefined;

  async hold(holder: string): Promise<boolean> {
    this.holder ??= holder;
    return this.holder === holder;
  }

  async release(holder: string): Promise<void> {
    if (this.holder === holder) this.holder = undefined;
  }
}

const unexpected = (error: unknown) => {
  throw error;
};

describe('LeasedLoop', () => {
  it('works without a pause until nothing is left, and lets another begin when it stops', async () => {
    const lease = new MemoryLease();
    const done: string[] = [];
    let left = 3;
    const first = new LeasedLoop({
      lease,
      work: async () => left > 0 && left-- > 0 && done.push('first') > 0,
      pollMs: 60_000,
      onError: unexpected,
    });
    let secondWorked: (() => void) | undefined;
    const taken = new Promise<void>((resolve) => {
      secondWorked = resolve;
    });
    const second = new LeasedLoop({
      lease,
      work: async () => {
        done.push('second');
        secondWorked?.();
        return false;
      },
      pollMs: 1,
      onError: unexpected,
    });
    first.start();
    while (left > 0) await delay(1);
    second.start();
    await first.stop();
    await taken;
    await second.stop();
    expect(done.slice(0, 4)).toEqual(['first', 'first', 'first', 'second']);
    expect(lease.holder).toBeUndefined();
  });

  it('cuts short what is under way, and waits for it to end', async () => {
    let ended = false;
    let begin: (() => void) | undefined;
    const begun = new Promise<void>((resolve) => {
      begin = resolve;
    });
    const loop = new LeasedLoop({
      lease: new MemoryLease(),
      work: async (signal) => {
        begin?.();
        await delay(60_000, undefined, { signal }).catch(() => undefined);
        ended = true;
        return true;
      },
      pollMs: 1,
      onError: unexpected,
    });
    loop.start();
    await begun;
    await loop.stop();
    expect(ended).toBe(true);
  });

  it('reports a failure and goes on', async () => {
    const errors: unknown[] = [];
    let attempts = 0;
    let succeed: (() => void) | undefined;
    const succeeded = new Promise<void>((resolve) => {
      succeed = resolve;
    });
    const loop = new LeasedLoop({
      lease: new MemoryLease(),
      work: async () => {
        attempts += 1;
        if (attempts < 3) throw new Error(`attempt ${attempts}`);
        succeed?.();
        return false;
      },
      pollMs: 1,
      onError: (error) => errors.push(error),
    });
    loop.start();
    await succeeded;
    await loop.stop();
    expect(errors).toEqual([new Error('attempt 1'), new Error('attempt 2')]);
  });

  it('stops before it has started', async () => {
    const options = { lease: new MemoryLease(), work: async () => false, pollMs: 1, onError: unexpected };
    await expect(new LeasedLoop(options).stop()).resolves.toBeUndefined();
  });
});
