import { canonicalJson, type Json } from './hash.js';

const LINE_FEED = 0x0a;

/** One canonical JSON value a line: equal content has equal bytes, so equal digests. */
export const toJsonLines = (values: readonly Json[]): Uint8Array =>
  Buffer.from(values.map((value) => `${canonicalJson(value)}\n`).join(''));

/** Every value of a text of JSON lines; empty lines count for nothing. */
export const fromJsonLines = (bytes: Uint8Array): unknown[] =>
  asBuffer(bytes)
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown);

/** The lines of a text one by one, without empty ones: a long text is decoded as it is read. */
export function* linesOf(bytes: Uint8Array): Generator<string> {
  const buffer = asBuffer(bytes);
  for (let start = 0; start < buffer.length; ) {
    const feed = buffer.indexOf(LINE_FEED, start);
    const end = feed === -1 ? buffer.length : feed;
    if (end > start) yield buffer.toString('utf8', start, end);
    start = end + 1;
  }
}

/** At most `limit` values from line `from` (0 is the first) on; nothing outside of them is decoded. */
export function jsonLinesBetween(
  bytes: Uint8Array,
  { from, limit }: { readonly from: number; readonly limit: number },
): unknown[] {
  const buffer = asBuffer(bytes);
  const values: unknown[] = [];
  let start = 0;
  for (let line = 0; start < buffer.length && line < from + limit; line++) {
    const feed = buffer.indexOf(LINE_FEED, start);
    const end = feed === -1 ? buffer.length : feed;
    if (line >= from) values.push(JSON.parse(buffer.toString('utf8', start, end)));
    start = end + 1;
  }
  return values;
}

/** How many lines there are; the last one need not end in a line feed. */
export function countLines(bytes: Uint8Array): number {
  const buffer = asBuffer(bytes);
  let lines = 0;
  for (let start = 0; start < buffer.length; lines++) {
    const feed = buffer.indexOf(LINE_FEED, start);
    start = feed === -1 ? buffer.length : feed + 1;
  }
  return lines;
}

/** The same memory: a large blob is not copied to be read. */
const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
