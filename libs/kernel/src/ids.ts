import { createHash, randomBytes } from 'node:crypto';

/** A new time-ordered UUID (RFC 9562, version 7): sorts by creation, so index inserts stay at the end. */
export function newId(nowMs: number = Date.now()): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(nowMs, 0, 6);
  return format(bytes, 0x70);
}

/**
 * The id of something that follows from something else (RFC 9562, version 5). The same input gives the
 * same id on every replay, which is what makes a redelivered event harmless downstream.
 */
export function derivedId(sourceId: string, name: string): string {
  const digest = createHash('sha1').update(sourceId).update('\0').update(name).digest();
  return format(digest.subarray(0, 16), 0x50);
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export const isId = (text: string): boolean => UUID.test(text);

function format(bytes: Buffer, version: number): string {
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | version, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
