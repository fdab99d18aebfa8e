import { corrupt } from './corrupt.js';

const MAGIC = 'OLVECDEL';
const HEAD_BYTES = 16;

/** Which rows of a shard are removed: `OLVECDEL`, rows and removed rows as uint32, then a bit a row, lowest first. */
export function encodeTombstones(dead: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(HEAD_BYTES + Math.ceil(dead.length / 8));
  bytes.set(Buffer.from(MAGIC, 'ascii'));
  let count = 0;
  for (let row = 0; row < dead.length; row++) {
    if (dead[row] !== 1) continue;
    count++;
    const at = HEAD_BYTES + (row >> 3);
    bytes[at] = (bytes[at] ?? 0) | (1 << (row & 7));
  }
  const head = new DataView(bytes.buffer);
  head.setUint32(8, dead.length, true);
  head.setUint32(12, count, true);
  return bytes;
}

/** @throws DomainError INDEX_CORRUPT unless it is exactly what `encodeTombstones` writes for so many rows */
export function decodeTombstones(bytes: Uint8Array, rows: number, where: string): Uint8Array {
  const dead = new Uint8Array(rows);
  if (bytes.length !== HEAD_BYTES + Math.ceil(rows / 8)) throw corrupt(where, 'its length is wrong');
  for (let row = 0; row < rows; row++) dead[row] = ((bytes[HEAD_BYTES + (row >> 3)] ?? 0) >> (row & 7)) & 1;
  if (Buffer.compare(encodeTombstones(dead), bytes) !== 0)
    throw corrupt(where, 'its head or last bits are wrong');
  return dead;
}
