import { type FileHandle, open } from 'node:fs/promises';
import type { Tensor } from '../model.js';
import { bytesOf, decodeFloats } from './dtype.js';
import {
  defaultSafetensorsLimits,
  lengthBytes,
  parseHeader,
  readHeaderLength,
  refuseFile,
  type SafetensorsLimits,
} from './header.js';

export interface SafetensorsContent {
  readonly tensors: Map<string, Tensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Reads a safetensors file that is already in memory.
 *
 * @param floats where each tensor is decoded to; fresh memory unless told
 */
export function parseSafetensors(
  bytes: Uint8Array,
  limits = defaultSafetensorsLimits,
  floats: (count: number) => Float32Array = (count) => new Float32Array(count),
): SafetensorsContent {
  const headerLength = readHeaderLength(bytes, bytes.length, limits);
  const start = lengthBytes + headerLength;
  const header = parseHeader(bytes.subarray(lengthBytes, start), bytes.length - start, limits);
  const tensors = new Map<string, Tensor>();
  for (const { name, dtype, shape, begin, end } of header.tensors) {
    const stored = bytes.subarray(start + begin, start + end);
    const data = decodeFloats(dtype, stored, floats(stored.length / bytesOf(dtype)));
    tensors.set(name, { shape, data });
  }
  return { tensors, metadata: header.metadata };
}

/** Reads a file tensor by tensor, so that files beyond what one buffer holds can be read. */
export async function readSafetensors(
  path: string,
  limits: SafetensorsLimits = defaultSafetensorsLimits,
): Promise<SafetensorsContent> {
  await using file = await open(path, 'r');
  const { size } = await file.stat();
  const headerLength = readHeaderLength(await readAt(file, 0, Math.min(size, lengthBytes)), size, limits);
  const start = lengthBytes + headerLength;
  const header = parseHeader(await readAt(file, lengthBytes, headerLength), size - start, limits);
  const tensors = new Map<string, Tensor>();
  for (const { name, dtype, shape, begin, end } of header.tensors) {
    const bytes = await readAt(file, start + begin, end - begin);
    tensors.set(name, { shape, data: decodeFloats(dtype, bytes) });
  }
  return { tensors, metadata: header.metadata };
}

/** A single read call moves at most 2 GiB. */
const readChunkBytes = 1 << 30;

async function readAt(file: FileHandle, position: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    const wanted = Math.min(length - done, readChunkBytes);
    const { bytesRead } = await file.read(bytes, done, wanted, position + done);
    if (bytesRead === 0) throw refuseFile('it ended while it was read');
    done += bytesRead;
  }
  return bytes;
}
