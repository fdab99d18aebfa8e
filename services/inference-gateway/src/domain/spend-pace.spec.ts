import { SpendPace, wantedWei } from './spend-pace.js';

describe('the pace of spending', () => {
  it('is the larger of the last two windows', () => {
    const pace = new SpendPace(100, 0);
    pace.add(5n, 10);
    pace.add(7n, 90);
    expect(pace.perWindowWei(99)).toBe(12n);
    pace.add(3n, 150);
    expect(pace.perWindowWei(199)).toBe(12n);
    expect(pace.perWindowWei(200)).toBe(3n);
  });

  it('forgets after two windows of nothing, however they lie', () => {
    const pace = new SpendPace(100, 0);
    pace.add(5n, 10);
    expect(pace.perWindowWei(250)).toBe(0n);
    pace.add(4n, 290);
    expect(pace.perWindowWei(301)).toBe(4n);
  });
});

it('wants room for those under way, those who wait, and some more', () => {
  const need = { mostWei: 10n, reservedWei: 30n, waitingWei: 20n, spentPerWindowWei: 100n };
  expect(wantedWei(need)).toBe(160n + 30n + 20n + 200n);
});
