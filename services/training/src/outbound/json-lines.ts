import { canonicalJson, type Json } from '@openledger/kernel';

/** One canonical JSON object a line: equal content has equal bytes, so equal digests. */
export const toJsonLines = (values: readonly Json[]): Uint8Array =>
  Buffer.from(values.map((value) => `${canonicalJson(value)}\n`).join(''));

export const fromJsonLines = (bytes: Uint8Array): unknown[] =>
  Buffer.from(bytes)
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown);
