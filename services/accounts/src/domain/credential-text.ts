import { sha256 } from '@openledger/kernel';
import { base62 } from './base62.js';

/** An API key is for programs and lives until it expires; a session follows a login. */
export type CredentialKind = 'api-key' | 'session';

/** The prefix lets secret scanners find a leaked credential. */
const PREFIX: Record<CredentialKind, string> = { 'api-key': 'olk_live_', session: 'ols_' };
const PATTERN = /^(olk_live_|ols_)([0-9A-Za-z]{8})_([0-9A-Za-z]{43})([0-9A-Za-z]{6})$/;

/** 40 bits: names the credential in lists and logs, and is no secret. */
export const ID_BYTES = 5;
/** 256 bits, which is what 43 base-62 digits hold. */
export const SECRET_BYTES = 32;

export interface CredentialText {
  readonly kind: CredentialKind;
  readonly id: string;
  readonly secret: string;
}

/** `<prefix><8 characters of id>_<43 characters of secret><6 of checksum>` */
export function formatCredential({ kind, id, secret }: CredentialText): string {
  const body = `${PREFIX[kind]}${id}_${secret}`;
  return body + checksum(body);
}

/** Undefined for what we cannot have made: a typing error is refused without asking the database. */
export function parseCredential(text: string): CredentialText | undefined {
  const [, prefix, id, secret, check] = PATTERN.exec(text) ?? [];
  if (!prefix || !id || !secret || checksum(`${prefix}${id}_${secret}`) !== check) return undefined;
  return { kind: prefix === PREFIX.session ? 'session' : 'api-key', id, secret };
}

/** The parts of a new credential from {@link ID_BYTES} and {@link SECRET_BYTES} of randomness. */
export function credentialFrom(kind: CredentialKind, idBytes: Uint8Array, secretBytes: Uint8Array) {
  return { kind, id: base62(idBytes, 8), secret: base62(secretBytes, 43) } satisfies CredentialText;
}

/** 32 bits of SHA-256: finds typing errors, proves nothing. */
const checksum = (body: string) => base62(Buffer.from(sha256(body).slice(0, 8), 'hex'), 6);
