import { newId } from '@openledger/kernel';
import { BATCH_RECORDS_MAX, inBatches } from './records.js';

const recordOf = (bytes: number) => ({
  id: newId(),
  type: 't',
  key: 'k',
  source: 's',
  occurredAt: new Date(),
  body: new Uint8Array(bytes),
});

describe('batches', () => {
  it('keep within count and bytes, in order, leaving nothing out', () => {
    const records = Array.from({ length: 1_203 }, (_, n) => recordOf(n % 7));
    const batches = [...inBatches(records)];
    expect(batches.map((batch) => batch.length)).toEqual([BATCH_RECORDS_MAX, BATCH_RECORDS_MAX, 203]);
    expect(batches.flat()).toEqual(records);
    const sizes = [...inBatches([recordOf(6), recordOf(4), recordOf(1), recordOf(10), recordOf(0)], 10)];
    expect(sizes.map((batch) => batch.map((record) => record.body.byteLength))).toEqual([
      [6, 4],
      [1],
      [10, 0],
    ]);
  });

  it('are none when there is nothing', () => {
    expect([...inBatches([])]).toEqual([]);
  });
});
