import { toWei } from './index.js';

describe('toWei', () => {
  it('reads a decimal string, however large', () => {
    expect([toWei('0'), toWei('9'.repeat(39))]).toEqual([0n, 10n ** 39n - 1n]);
  });

  it.each(['', '-1', '1.5', '1e3', ' 1', '0x10', '9'.repeat(40)])('refuses %p', (text) => {
    expect(() => toWei(text)).toThrow(expect.objectContaining({ code: 'EVENT_INCOMPLETE' }));
  });
});
