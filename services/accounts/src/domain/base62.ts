import { invariant } from '@openledger/kernel';

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** The number that `bytes` spell, big-endian, as exactly `length` base-62 digits. */
export function base62(bytes: Uint8Array, length: number): string {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  let text = '';
  for (; value > 0n; value /= 62n) text = DIGITS.charAt(Number(value % 62n)) + text;
  invariant(text.length <= length, `${bytes.length} bytes do not fit ${length} digits`);
  return text.padStart(length, '0');
}
