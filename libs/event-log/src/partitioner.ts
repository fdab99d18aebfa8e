/**
 * murmur2 with the seed and sign handling of Kafka's default partitioner
 * (`org.apache.kafka.common.utils.Utils.murmur2`), so that a key has one partition on every transport
 * and for producers in other languages.
 */
export function murmur2(data: Uint8Array): number {
  const m = 0x5bd1e995;
  const length = data.length;
  const view = new DataView(data.buffer, data.byteOffset, length);
  let h = 0x9747b28c ^ length;
  let at = 0;
  for (; at + 4 <= length; at += 4) {
    let k = Math.imul(view.getInt32(at, true), m);
    k ^= k >>> 24;
    h = Math.imul(h, m) ^ Math.imul(k, m);
  }
  const rest = length - at;
  if (rest >= 3) h ^= view.getUint8(at + 2) << 16;
  if (rest >= 2) h ^= view.getUint8(at + 1) << 8;
  if (rest >= 1) h = Math.imul(h ^ view.getUint8(at), m);
  h ^= h >>> 13;
  h = Math.imul(h, m);
  return h ^ (h >>> 15);
}

export function partitionOf(key: string, partitions: number): number {
  return (murmur2(Buffer.from(key, 'utf8')) & 0x7fffffff) % partitions;
}
