import { murmur2, partitionOf } from './partitioner.js';

describe('partitioner', () => {
  // Values of org.apache.kafka.common.utils.UtilsTest.testMurmur2.
  it.each([
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ])('hashes %s as Kafka does', (text, hash) => {
    expect(murmur2(Buffer.from(text))).toBe(hash);
  });

  it('spreads keys over all partitions and stays within them', () => {
    const used = new Set(Array.from({ length: 1_000 }, (_, n) => partitionOf(`key-${n}`, 12)));
    expect([...used].sort((a, b) => a - b)).toEqual([...Array(12).keys()]);
  });
});
