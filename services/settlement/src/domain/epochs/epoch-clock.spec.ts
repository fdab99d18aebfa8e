import fc from 'fast-check';
import { later, lengthOver } from './epoch-clock.js';

const HOUR_MS = 3_600_000;
const time = fc.integer({ min: 0, max: 4_102_444_800_000 }).map((ms) => new Date(ms));

describe('lengthOver', () => {
  it('counts from the first look', () => {
    const now = new Date(1_000);
    expect(lengthOver(undefined, now, HOUR_MS)).toEqual({ over: false, countedFrom: now });
  });

  it('is over after the length, to the millisecond', () => {
    const from = new Date(5_000);
    expect(lengthOver(from, new Date(5_000 + HOUR_MS - 1), HOUR_MS).over).toBe(false);
    expect(lengthOver(from, new Date(5_000 + HOUR_MS), HOUR_MS).over).toBe(true);
  });

  it('never waits longer than one length from the last look, wherever the clock was before', () => {
    fc.assert(
      fc.property(time, time, (from, now) => {
        const { over, countedFrom } = lengthOver(from, now, HOUR_MS);
        expect(countedFrom <= now).toBe(true);
        expect(over || now.getTime() - countedFrom.getTime() < HOUR_MS).toBe(true);
      }),
    );
  });
});

describe('later', () => {
  it('is none before the other', () => {
    fc.assert(
      fc.property(time, time, (a, b) => {
        expect(later(a, b) >= a && later(a, b) >= b).toBe(true);
      }),
    );
  });
});
