import { DomainError } from '@openledger/kernel';
import { bytesOf, type Dtype, dtypes } from './dtype.js';

/**
 * What a file may ask for before anything is allocated. The format itself allows a header of 100 MB with
 * hundreds of thousands of entries, which is a way to exhaust a server; real models stay far below these.
 */
export interface SafetensorsLimits {
  readonly maxHeaderBytes: number;
  readonly maxTensors: number;
}

export const defaultSafetensorsLimits: SafetensorsLimits = { maxHeaderBytes: 1_048_576, maxTensors: 2000 };

/** Where one tensor lies; offsets count from the end of the header. */
export interface TensorPlace {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  readonly tensors: readonly TensorPlace[];
  readonly metadata: Readonly<Record<string, string>>;
}

/** Bytes of the header length that open a file. */
export const lengthBytes = 8;

const maxDimensions = 4;

export function refuseFile(reason: string, cause?: unknown): DomainError {
  return new DomainError(
    'invalid',
    'UNREADABLE_SAFETENSORS',
    `The safetensors file cannot be used: ${reason}.`,
    {
      cause,
    },
  );
}

/** The length of the header, from the first eight bytes (u64, little-endian). */
export function readHeaderLength(bytes: Uint8Array, fileBytes: number, limits: SafetensorsLimits): number {
  if (bytes.length < lengthBytes) throw refuseFile('it is shorter than eight bytes');
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if (length > BigInt(limits.maxHeaderBytes)) {
    throw refuseFile(`its header of ${length} bytes is over the limit of ${limits.maxHeaderBytes}`);
  }
  if (lengthBytes + Number(length) > fileBytes) throw refuseFile('its header reaches beyond its end');
  return Number(length);
}

/** Checks a header against the bytes that follow it: known types, exact sizes, no gap, overlap or overhang. */
export function parseHeader(
  json: Uint8Array,
  dataBytes: number,
  limits: SafetensorsLimits,
): SafetensorsHeader {
  const entries = Object.entries(parseObject(json));
  if (entries.length > limits.maxTensors + 1)
    throw refuseFile(`it names more than ${limits.maxTensors} tensors`);
  const tensors: TensorPlace[] = [];
  let metadata: Readonly<Record<string, string>> = {};
  for (const [name, entry] of entries) {
    if (name === '__metadata__') metadata = parseMetadata(entry);
    else tensors.push(parsePlace(name, entry));
  }
  tensors.sort((one, other) => one.begin - other.begin || one.end - other.end);
  let reached = 0;
  for (const { name, begin, end } of tensors) {
    if (begin !== reached) throw refuseFile(`the bytes of "${name}" do not follow those before them`);
    reached = end;
  }
  if (reached !== dataBytes)
    throw refuseFile(`its tensors take ${reached} bytes, but ${dataBytes} follow the header`);
  return { tensors, metadata };
}

function parseObject(json: Uint8Array): Record<string, unknown> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(json));
  } catch (cause) {
    throw refuseFile('its header is not JSON', cause);
  }
  if (!isRecord(parsed)) throw refuseFile('its header is not a JSON object');
  return parsed;
}

function parseMetadata(entry: unknown): Record<string, string> {
  if (!isRecord(entry)) throw refuseFile('its metadata is not an object');
  const metadata: Record<string, string> = {};
  for (const [key, value] of Object.entries(entry)) {
    if (typeof value !== 'string') throw refuseFile('its metadata holds something other than text');
    metadata[key] = value;
  }
  return metadata;
}

function parsePlace(name: string, entry: unknown): TensorPlace {
  if (!isRecord(entry)) throw refuseFile(`the entry of "${name}" is not an object`);
  const { dtype, shape, data_offsets: offsets } = entry;
  const known = dtypes.find((candidate) => candidate === dtype);
  if (!known) throw refuseFile(`"${name}" has the type ${String(dtype)}; only ${dtypes.join(', ')} are read`);
  if (!isCounts(shape) || shape.length > maxDimensions)
    throw refuseFile(`the shape of "${name}" is not valid`);
  const [begin, end] = isCounts(offsets) && offsets.length === 2 ? offsets : [];
  if (begin === undefined || end === undefined) throw refuseFile(`the offsets of "${name}" are not valid`);
  const size = shape.reduce((product, dimension) => product * dimension, bytesOf(known));
  if (!Number.isSafeInteger(size) || end - begin !== size) {
    throw refuseFile(`"${name}" needs ${size} bytes for its shape, but has ${end - begin}`);
  }
  return { name, dtype: known, shape, begin, end };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}
