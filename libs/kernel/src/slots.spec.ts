import { setImmediate } from 'node:timers/promises';
import { DomainError, Slots } from './index.js';

const busy = () => new DomainError('exhausted', 'UPLOADS_BUSY', 'Try again shortly.');

describe('Slots', () => {
  it('runs a few at once, the next in order, and refuses when too many wait', async () => {
    const slots = new Slots(2, 1, busy);
    const ends: (() => void)[] = [];
    const begun: number[] = [];
    const work = (name: number) =>
      slots.with(() => {
        begun.push(name);
        return new Promise<void>((resolve) => ends.push(resolve));
      });
    const [first, second, third] = [work(1), work(2), work(3)];
    await expect(work(4)).rejects.toMatchObject({ code: 'UPLOADS_BUSY', kind: 'exhausted' });
    expect(begun).toEqual([1, 2]);
    ends[0]?.();
    await first;
    await setImmediate();
    expect(begun).toEqual([1, 2, 3]);
    ends[1]?.();
    ends[2]?.();
    await Promise.all([second, third]);
  });

  it('frees the slot of what failed', async () => {
    const slots = new Slots(1, 0, busy);
    await expect(slots.with(() => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
    await expect(slots.with(() => Promise.resolve('fine'))).resolves.toBe('fine');
  });
});
