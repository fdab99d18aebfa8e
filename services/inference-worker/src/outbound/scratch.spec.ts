import { Scratch } from './scratch.js';

describe('Scratch', () => {
  it('lends memory that does not overlap, and the same memory after a reset', () => {
    const scratch = new Scratch();
    scratch.take(100);
    scratch.reset();
    const [a, b] = [scratch.take(60), scratch.take(40)];
    a.fill(1);
    b.fill(2);
    expect([a.length, b.length, a.every((value) => value === 1)]).toEqual([60, 40, true]);
    expect(b.buffer).toBe(a.buffer);
    scratch.reset();
    expect(scratch.take(60).buffer).toBe(a.buffer);
  });

  it('gives fresh memory for what goes beyond, and has room for it the next time', () => {
    const scratch = new Scratch();
    const first = scratch.take(50);
    scratch.reset();
    const [second, beyond] = [scratch.take(50), scratch.take(70)];
    expect(new Set([first.buffer, second.buffer, beyond.buffer]).size).toBe(3);
    scratch.reset();
    expect(scratch.take(50).buffer).toBe(scratch.take(70).buffer);
  });
});
