import { DomainError, isSha256, type Sha256, sha256 } from '@openledger/kernel';
import type { Shard } from './shard.js';

/**
 * A shard as bytes: magic (8), header's length (u32) and 4 zero bytes, SHA-256 of the header (32), header (JSON, padded
 * with spaces to 8 bytes), then the sections in the header's order, each padded with zeros to 8 bytes. Numbers are
 * little-endian. Readers refuse other versions.
 */
const MAGIC = 'OLSPANS1';
const PREFIX_BYTES = 48;
const ALIGNMENT = 8;
const HEADER_BYTES_MAX = 1 << 16;

/** The largest file: 2^26 tokens of 8 bytes, 2^22 documents of 53, two tables of 2^20 token ids. */
export const SHARD_FILE_BYTES_MAX = 1 << 30;

const SECTIONS = [
  'alphabet',
  'text',
  'order',
  'firsts',
  'starts',
  'records',
  'owners',
  'registered',
  'copies',
  'contents',
] as const satisfies readonly (keyof Shard)[];

type SectionName = (typeof SECTIONS)[number];
type SectionArray = Shard[SectionName];

const ARRAYS = {
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  int32: Int32Array,
  float64: Float64Array,
} as const;
type ElementName = keyof typeof ARRAYS;

const ELEMENTS: Record<SectionName, readonly ElementName[]> = {
  alphabet: ['uint32'],
  text: ['uint16', 'uint32'],
  order: ['int32'],
  firsts: ['uint32'],
  starts: ['uint32'],
  records: ['uint32'],
  owners: ['uint32'],
  registered: ['float64'],
  copies: ['uint8'],
  contents: ['uint8'],
};

interface Section {
  readonly name: string;
  readonly element: ElementName;
  readonly length: number;
  readonly sha256: Sha256;
}

/** The file in pieces, which share memory with the shard. */
export function encodeShard(shard: Shard): Uint8Array[] {
  const sections = SECTIONS.map((name): Section => {
    const array = shard[name];
    return { name, element: elementOf(array), length: array.length, sha256: sha256(bytesOf(array)) };
  });
  const header = Buffer.from(JSON.stringify({ sections }));
  const padded = Buffer.concat([header, Buffer.alloc(paddingOf(header.length), ' ')]);
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.write(MAGIC, 'latin1');
  prefix.writeUInt32LE(padded.length, MAGIC.length);
  prefix.write(sha256(padded), 16, 'hex');
  const data = SECTIONS.flatMap((name) => {
    const bytes = bytesOf(shard[name]);
    return [bytes, new Uint8Array(paddingOf(bytes.length))];
  });
  return [prefix, padded, ...data];
}

/** @throws DomainError INDEX_CORRUPT, which names the damaged section */
export function decodeShard(bytes: Uint8Array): Shard {
  const { sections, end } = readHeader(bytes);
  const found = new Map<string, SectionArray>();
  let at = end;
  for (const section of sections) {
    const size = section.length * ARRAYS[section.element].BYTES_PER_ELEMENT;
    const data = bytes.subarray(at, at + size);
    if (data.length !== size) throw corrupt(section.name, 'is cut short');
    if (sha256(data) !== section.sha256) throw corrupt(section.name, 'does not have its SHA-256');
    found.set(section.name, toArray(data, section.element));
    at += size + paddingOf(size);
  }
  return verified(found);
}

function readHeader(bytes: Uint8Array): { sections: readonly Section[]; end: number } {
  const prefix = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, PREFIX_BYTES));
  if (prefix.length < PREFIX_BYTES || prefix.toString('latin1', 0, MAGIC.length) !== MAGIC) {
    throw corrupt('header', `does not begin with ${MAGIC}`);
  }
  const length = prefix.readUInt32LE(MAGIC.length);
  const end = PREFIX_BYTES + length;
  if (length > HEADER_BYTES_MAX || end > bytes.length) throw corrupt('header', 'is cut short');
  const header = bytes.subarray(PREFIX_BYTES, end);
  if (sha256(header) !== prefix.toString('hex', 16)) throw corrupt('header', 'does not have its SHA-256');
  const { sections } = JSON.parse(Buffer.from(header).toString('utf8')) as { sections: readonly Section[] };
  if (!Array.isArray(sections) || !sections.every(isSection)) throw corrupt('header', 'lists no sections');
  return { sections, end };
}

function isSection(section: unknown): section is Section {
  const { name, element, length, sha256: digest } = section as Partial<Section>;
  const allowed: readonly string[] = ELEMENTS[name as SectionName] ?? [];
  return (
    allowed.includes(String(element)) &&
    Number.isSafeInteger(length) &&
    Number(length) >= 0 &&
    isSha256(String(digest))
  );
}

/** Sections that cannot belong together would be read past their ends. */
function verified(found: ReadonlyMap<string, SectionArray>): Shard {
  for (const name of SECTIONS) if (!found.has(name)) throw corrupt(name, 'is missing');
  const shard = Object.fromEntries(found) as unknown as Shard;
  const documents = shard.records.length;
  const lengths: Partial<Record<SectionName, number>> = {
    order: shard.text.length,
    firsts: shard.alphabet.length + 2,
    starts: documents + 1,
    owners: documents,
    registered: documents,
    copies: documents,
    contents: 32 * documents,
  };
  for (const name of SECTIONS) {
    const length = lengths[name] ?? shard[name].length;
    if (shard[name].length !== length)
      throw corrupt(name, `has ${shard[name].length} entries, not ${length}`);
  }
  for (const name of ['firsts', 'starts'] as const) {
    const ascends = shard[name].every((value, i, all) => i === 0 || value >= (all[i - 1] ?? 0));
    if (!ascends || shard[name].at(-1) !== shard.text.length) throw corrupt(name, 'does not span the text');
  }
  return shard;
}

function elementOf(array: SectionArray): ElementName {
  if (array instanceof Uint16Array) return 'uint16';
  if (array instanceof Uint32Array) return 'uint32';
  if (array instanceof Int32Array) return 'int32';
  return array instanceof Float64Array ? 'float64' : 'uint8';
}

const bytesOf = (array: SectionArray) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

/** A view where the bytes are aligned, else a copy. */
function toArray(bytes: Uint8Array, element: ElementName): SectionArray {
  const Type = ARRAYS[element];
  const aligned = bytes.byteOffset % Type.BYTES_PER_ELEMENT === 0 ? bytes : new Uint8Array(bytes);
  return new Type(aligned.buffer as ArrayBuffer, aligned.byteOffset, bytes.length / Type.BYTES_PER_ELEMENT);
}

const paddingOf = (bytes: number) => (ALIGNMENT - (bytes % ALIGNMENT)) % ALIGNMENT;

const corrupt = (section: string, what: string) =>
  new DomainError('unavailable', 'INDEX_CORRUPT', `The span index is damaged: section ${section} ${what}.`);
