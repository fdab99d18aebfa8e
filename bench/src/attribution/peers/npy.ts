import { DomainError } from '@openledger/kernel';

/** Numbers that NumPy reads and writes, in row-major order. */
export interface NumpyArray {
  readonly shape: readonly number[];
  readonly data: Float32Array | BigInt64Array;
}

/** Format 1.0: magic, version, length of the header, a header that is a Python dictionary, the numbers. */
const magic = '\x93NUMPY\x01\x00';
const alignment = 64;

export function encodeNpy({ shape, data }: NumpyArray): Uint8Array {
  const type = data instanceof Float32Array ? '<f4' : '<i8';
  const header = `{'descr': '${type}', 'fortran_order': False, 'shape': (${shape.map((size) => `${size},`).join('')}), }`;
  const opening = magic.length + 2;
  const length = Math.ceil((opening + header.length + 1) / alignment) * alignment - opening;
  const bytes = new Uint8Array(opening + length + data.byteLength);
  bytes.set(Buffer.from(magic, 'latin1'));
  new DataView(bytes.buffer).setUint16(magic.length, length, true);
  bytes.set(Buffer.from(`${header.padEnd(length - 1)}\n`, 'latin1'), opening);
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), opening + length);
  return bytes;
}

/** A float32 array in row-major order; any other is refused. */
export function decodeNpy(bytes: Uint8Array): {
  readonly shape: readonly number[];
  readonly data: Float32Array;
} {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = magic.length + 2;
  const end = start + (text.length < start ? 0 : text.readUInt16LE(magic.length));
  const header = text.toString('latin1', start, end);
  const shape = /'shape': \(([\d, ]*)\)/
    .exec(header)?.[1]
    ?.split(',')
    .filter((size) => size.trim() !== '')
    .map(Number);
  const plain = header.includes("'descr': '<f4'") && header.includes("'fortran_order': False");
  const count = shape?.reduce((product, size) => product * size, 1) ?? -1;
  if (!(shape && plain) || !text.toString('latin1').startsWith(magic) || text.length - end !== count * 4) {
    throw new DomainError('invalid', 'NPY_UNREADABLE', 'A file is no array of float32 in row-major order.');
  }
  return {
    shape,
    data: new Float32Array(text.buffer.slice(text.byteOffset + end, text.byteOffset + text.length)),
  };
}
