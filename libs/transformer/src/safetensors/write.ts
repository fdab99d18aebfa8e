import { open, rename } from 'node:fs/promises';
import type { Tensor } from '../model.js';
import { bytesOf, type Dtype, encodeFloats } from './dtype.js';

export interface SafetensorsWriteOptions {
  /** Default F32. */
  readonly dtype?: Dtype;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** Data begins at a multiple of this, as the reference writer aligns it. */
const alignment = 8;

/** Tensors in order of their names: the same tensors give the same bytes. */
function layOut(tensors: ReadonlyMap<string, Tensor>, options: SafetensorsWriteOptions) {
  const dtype = options.dtype ?? 'F32';
  const sorted = [...tensors].sort(([one], [other]) => (one < other ? -1 : 1));
  const header: Record<string, object> = {};
  if (options.metadata) header.__metadata__ = options.metadata;
  let offset = 0;
  for (const [name, { shape, data }] of sorted) {
    const end = offset + data.length * bytesOf(dtype);
    header[name] = { dtype, shape, data_offsets: [offset, end] };
    offset = end;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const opening = new Uint8Array(8 + Math.ceil(json.length / alignment) * alignment).fill(0x20);
  new DataView(opening.buffer).setBigUint64(0, BigInt(opening.length - 8), true);
  opening.set(json, 8);
  return { dtype, opening, sorted, dataBytes: offset };
}

/** The bytes of a safetensors file. */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, Tensor>,
  options: SafetensorsWriteOptions = {},
): Uint8Array {
  const { dtype, opening, sorted, dataBytes } = layOut(tensors, options);
  const bytes = new Uint8Array(opening.length + dataBytes);
  bytes.set(opening);
  let offset = opening.length;
  for (const [, { data }] of sorted) {
    bytes.set(encodeFloats(dtype, data), offset);
    offset += data.length * bytesOf(dtype);
  }
  return bytes;
}

/** Writes a safetensors file, which takes its name only when it is whole and on disk. */
export async function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, Tensor>,
  options: SafetensorsWriteOptions = {},
): Promise<void> {
  const { dtype, opening, sorted } = layOut(tensors, options);
  const partial = `${path}.partial`;
  {
    await using file = await open(partial, 'w');
    await file.appendFile(opening);
    for (const [, { data }] of sorted) await file.appendFile(encodeFloats(dtype, data));
    await file.sync();
  }
  await rename(partial, path);
}
