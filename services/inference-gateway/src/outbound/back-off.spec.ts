import { BackOff } from './back-off.js';

describe('BackOff', () => {
  it('doubles, within bounds, and counts failures at the same time once', () => {
    const backOff = new BackOff();
    let now = 0;
    const waits: number[] = [];
    for (let failure = 0; failure < 12; failure += 1) {
      backOff.failed(now);
      backOff.failed(now);
      let wait = 0;
      while (backOff.isOut(now + wait)) wait += 250;
      waits.push(wait);
      now += wait;
    }
    expect(waits.slice(0, 4)).toEqual([500, 1_000, 2_000, 4_000]);
    expect(Math.max(...waits)).toBe(30_000);
    backOff.clear();
    backOff.failed(now);
    expect(backOff.isOut(now + 499)).toBe(true);
    expect(backOff.isOut(now + 500)).toBe(false);
  });

  it('is out while silent', () => {
    const backOff = new BackOff();
    backOff.silent();
    expect(backOff.isOut(1e12)).toBe(true);
    backOff.answered();
    expect(backOff.isOut(0)).toBe(false);
  });
});
