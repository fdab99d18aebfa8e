import { RateEstimate } from './rate-estimate.js';

describe('RateEstimate', () => {
  it('is nothing at first, then the mean, then follows a change', () => {
    const rate = new RateEstimate();
    expect(rate.perSecond).toBe(0);
    for (let step = 0; step < 100; step += 1) rate.observe(10, 0.1);
    expect(rate.perSecond).toBeCloseTo(100, 6);
    for (let step = 0; step < 300; step += 1) rate.observe(20, 0.1);
    expect(rate.perSecond).toBeGreaterThan(150);
    expect(rate.perSecond).toBeLessThan(200);
  });
});
