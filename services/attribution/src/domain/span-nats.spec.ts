import { spanNats } from './span-nats.js';

describe('spanNats', () => {
  it('splits a token between its distinct owners and ignores what the base model says anyway', () => {
    const owners = ['a', 'a', 'b'];
    const spans = [
      { start: 0, end: 3, records: [0, 1] },
      { start: 2, end: 4, records: [2] },
    ];
    const nats = spanNats(spans, [1, -5, 4, 3, 100], (record) => owners[record] ?? '');
    expect(nats).toEqual(
      new Map([
        ['a', 3],
        ['b', 5],
      ]),
    );
  });
});
