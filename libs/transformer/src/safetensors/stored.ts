import { closeSync, openSync, readSync, statSync } from 'node:fs';
import type { Tensor } from '../model.js';
import { bytesOf, type Dtype, decodeFloats } from './dtype.js';
import {
  defaultSafetensorsLimits,
  lengthBytes,
  parseHeader,
  readHeaderLength,
  refuseFile,
  type SafetensorsLimits,
  type TensorPlace,
} from './header.js';

/** A single read call moves at most 2 GiB. */
const readChunkBytes = 1 << 30;

/**
 * A safetensors file whose tensors are read when they are asked for. Reads block, which suits the
 * thread that opens a model and has nothing else to do.
 */
export class StoredFile {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  #descriptor: number | undefined;
  #scratch = new Uint8Array(0);

  constructor(path: string, limits: SafetensorsLimits = defaultSafetensorsLimits) {
    this.#descriptor = openSync(path, 'r');
    try {
      this.tensors = this.#places(statSync(path).size, limits);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  read(position: number, length: number, bytes = new Uint8Array(length)): Uint8Array {
    if (this.#descriptor === undefined) throw refuseFile('it was closed before it was read');
    for (let done = 0; done < length; ) {
      const wanted = Math.min(length - done, readChunkBytes);
      const moved = readSync(this.#descriptor, bytes, done, wanted, position + done);
      if (moved === 0) throw refuseFile('it ended while it was read');
      done += moved;
    }
    return bytes;
  }

  /** As {@link read}, in memory that the next such call writes over. */
  peek(position: number, length: number): Uint8Array {
    if (this.#scratch.length < length) this.#scratch = new Uint8Array(length);
    return this.read(position, length, this.#scratch.subarray(0, length));
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  #places(size: number, limits: SafetensorsLimits): Map<string, StoredTensor> {
    const headerLength = readHeaderLength(this.read(0, Math.min(size, lengthBytes)), size, limits);
    const start = lengthBytes + headerLength;
    const header = parseHeader(this.read(lengthBytes, headerLength), size - start, limits);
    return new Map(header.tensors.map((place) => [place.name, new StoredTensor(this, place, start)]));
  }
}

/** A tensor in its file: whoever reads `data` gets a copy of its own, whoever can reads a few rows. */
export class StoredTensor implements Tensor {
  readonly shape: readonly number[];
  readonly dtype: Dtype;
  readonly #begin: number;
  readonly #end: number;
  #floats = new Float32Array(0);

  constructor(
    private readonly file: StoredFile,
    place: TensorPlace,
    start: number,
  ) {
    this.shape = place.shape;
    this.dtype = place.dtype;
    this.#begin = start + place.begin;
    this.#end = start + place.end;
  }

  get data(): Float32Array {
    return decodeFloats(this.dtype, this.bytes());
  }

  /** The file's own bytes, little-endian. */
  bytes(): Uint8Array {
    return this.file.read(this.#begin, this.#end - this.#begin);
  }

  /** Rows `begin` to `end` of the first axis, widened, in memory that the next call writes over. */
  rows(begin: number, end: number): Float32Array {
    const rowBytes = this.shape.slice(1).reduce((size, dim) => size * dim, bytesOf(this.dtype));
    const bytes = this.file.peek(this.#begin + begin * rowBytes, (end - begin) * rowBytes);
    const count = bytes.length / bytesOf(this.dtype);
    if (this.#floats.length < count) this.#floats = new Float32Array(count);
    return decodeFloats(this.dtype, bytes, this.#floats.subarray(0, count));
  }
}
