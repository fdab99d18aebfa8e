import { corrupt } from './corrupt.js';

/**
 * Rows of a block of an index, column by column; all arrays have one entry a row, `vectors` k bytes.
 */
export interface RowBlock {
  readonly vectors: Int8Array;
  readonly scales: Float32Array;
  readonly clusters: Uint32Array;
  readonly records: Uint32Array;
}

const MAGIC = 'OLVECROW';
const VERSION = 1;
const HEAD_BYTES = 64;
/** Scale, cluster and record. */
const SIDE_BYTES = 12;

/** Bytes of a block. */
export const blockBytes = (rows: number, k: number): number => HEAD_BYTES + rows * (k + SIDE_BYTES);

/**
 * A head of 64 bytes (`OLVECROW`, version, k, rows as uint32, zeros), then the columns vectors, scales, clusters,
 * records. Little-endian, as every processor that Node runs on.
 */
export function encodeBlock(k: number, { vectors, scales, clusters, records }: RowBlock): Uint8Array {
  const bytes = new Uint8Array(blockBytes(scales.length, k));
  bytes.set(Buffer.from(MAGIC, 'ascii'));
  const head = new DataView(bytes.buffer);
  for (const [index, value] of [VERSION, k, scales.length].entries())
    head.setUint32(8 + 4 * index, value, true);
  let at = HEAD_BYTES;
  for (const column of [vectors, scales, clusters, records]) {
    bytes.set(new Uint8Array(column.buffer, column.byteOffset, column.byteLength), at);
    at += column.byteLength;
  }
  return bytes;
}

/** @throws DomainError INDEX_CORRUPT unless it is a block of just so many rows, with scales ≥ 0 */
export function decodeBlock(bytes: Uint8Array, k: number, rows: number, where: string): RowBlock {
  if (bytes.length !== blockBytes(rows, k)) {
    throw corrupt(where, `it has ${bytes.length} bytes in place of ${blockBytes(rows, k)}`);
  }
  // A copy where the bytes do not begin where a float32 may.
  const { buffer, byteOffset } = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  const head = new Uint8Array(HEAD_BYTES);
  head.set(Buffer.from(MAGIC, 'ascii'));
  const words = new DataView(head.buffer);
  for (const [index, value] of [VERSION, k, rows].entries()) words.setUint32(8 + 4 * index, value, true);
  if (Buffer.compare(head, bytes.subarray(0, HEAD_BYTES)) !== 0) throw corrupt(where, 'its head is wrong');
  const vectorsAt = byteOffset + HEAD_BYTES;
  const scalesAt = vectorsAt + rows * k;
  const scales = new Float32Array(buffer, scalesAt, rows);
  if (scales.some((scale) => !(scale >= 0 && scale < Number.POSITIVE_INFINITY))) {
    throw corrupt(where, 'a scale is negative or not finite');
  }
  return {
    vectors: new Int8Array(buffer, vectorsAt, rows * k),
    scales,
    clusters: new Uint32Array(buffer, scalesAt + 4 * rows, rows),
    records: new Uint32Array(buffer, scalesAt + 8 * rows, rows),
  };
}
