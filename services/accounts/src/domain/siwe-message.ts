import { DomainError } from '@openledger/kernel';

/** The fields of an ERC-4361 message ("Sign-In with Ethereum"). */
export interface SiweMessage {
  readonly scheme?: string;
  readonly domain: string;
  /** As written; its EIP-55 case is checked where addresses are known. */
  readonly address: string;
  readonly statement?: string;
  readonly uri: string;
  readonly chainId: number;
  readonly nonce: string;
  readonly issuedAt: Date;
  readonly expirationTime?: Date;
  readonly notBefore?: Date;
  readonly requestId?: string;
  readonly resources: readonly string[];
}

const MESSAGE_CHARACTERS_MAX = 4_096;

const DATE_TIME = String.raw`\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})`;
/** RFC 3986 characters; whether it is ours is decided by comparison. */
const URI = String.raw`[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=%]+`;

/** The grammar of ERC-4361, line for line. */
const MESSAGE = new RegExp(
  [
    String.raw`^(?:(?<scheme>[A-Za-z][A-Za-z0-9+.-]*)://)?(?<domain>[A-Za-z0-9\-._~:%!$&'()*+,;=@[\]]+)`,
    String.raw` wants you to sign in with your Ethereum account:\n`,
    String.raw`(?<address>0x[0-9A-Fa-f]{40})\n\n(?:(?<statement>[^\n]+)\n)?\n`,
    `URI: (?<uri>${URI})\\n`,
    String.raw`Version: 1\n`,
    String.raw`Chain ID: (?<chainId>[1-9]\d{0,14})\n`,
    String.raw`Nonce: (?<nonce>[A-Za-z0-9]{8,128})\n`,
    `Issued At: (?<issuedAt>${DATE_TIME})`,
    `(?:\\nExpiration Time: (?<expirationTime>${DATE_TIME}))?`,
    `(?:\\nNot Before: (?<notBefore>${DATE_TIME}))?`,
    String.raw`(?:\nRequest ID: (?<requestId>[A-Za-z0-9\-._~!$&'()*+,;=:@%]*))?`,
    `(?:\\nResources:(?<resources>(?:\\n- ${URI})*))?$`,
  ].join(''),
);

/** @throws DomainError SIWE_MESSAGE_MALFORMED */
export function parseSiweMessage(text: string): SiweMessage {
  const fields = text.length <= MESSAGE_CHARACTERS_MAX ? MESSAGE.exec(text)?.groups : undefined;
  if (fields === undefined) throw malformed('The message does not follow ERC-4361.');
  const { domain = '', address = '', uri = '', nonce = '', scheme, statement, requestId } = fields;
  return {
    ...(scheme === undefined ? {} : { scheme }),
    domain,
    address,
    ...(statement === undefined ? {} : { statement }),
    uri,
    chainId: Number(fields.chainId),
    nonce,
    issuedAt: instant(fields.issuedAt ?? ''),
    ...(fields.expirationTime === undefined ? {} : { expirationTime: instant(fields.expirationTime) }),
    ...(fields.notBefore === undefined ? {} : { notBefore: instant(fields.notBefore) }),
    ...(requestId === undefined ? {} : { requestId }),
    resources: (fields.resources ?? '').split('\n- ').slice(1),
  };
}

function instant(text: string): Date {
  const date = new Date(text);
  // `new Date` rolls the 30th of February over into March.
  const day = Number(text.slice(8, 10));
  const days = new Date(Date.UTC(Number(text.slice(0, 4)), Number(text.slice(5, 7)), 0)).getUTCDate();
  if (Number.isNaN(date.getTime()) || day > days) throw malformed(`"${text}" is not a time.`);
  return date;
}

const malformed = (message: string) => new DomainError('invalid', 'SIWE_MESSAGE_MALFORMED', message);

/** What a message must say to log in here. */
export interface Expectation {
  readonly domain: string;
  readonly uri: string;
  readonly chainId: number;
  readonly now: Date;
}

/** Clocks of browsers are a little off. */
const SKEW_MS = 60_000;

/**
 * Refuses a message that was written for another site, page or chain, or for another time. The nonce
 * and the signature are checked elsewhere.
 *
 * @throws DomainError SIWE_DOMAIN_MISMATCH, SIWE_URI_MISMATCH, SIWE_CHAIN_MISMATCH, SIWE_MESSAGE_EXPIRED,
 *   SIWE_MESSAGE_NOT_YET_VALID
 */
export function checkSiweMessage(message: SiweMessage, expected: Expectation): void {
  const now = expected.now.getTime();
  if (message.domain !== expected.domain)
    throw refused('SIWE_DOMAIN_MISMATCH', `The message is for the domain "${message.domain}".`);
  if (message.uri !== expected.uri)
    throw refused('SIWE_URI_MISMATCH', `The message is for the URI "${message.uri}".`);
  if (message.chainId !== expected.chainId)
    throw refused('SIWE_CHAIN_MISMATCH', `The message is for chain ${message.chainId}.`);
  if (message.expirationTime && message.expirationTime.getTime() <= now)
    throw refused('SIWE_MESSAGE_EXPIRED', 'The message has expired: ask for a new nonce and sign again.');
  const earliest = Math.max(message.notBefore?.getTime() ?? 0, message.issuedAt.getTime() - SKEW_MS);
  if (earliest > now)
    throw refused('SIWE_MESSAGE_NOT_YET_VALID', 'The message is for a later time: check your clock.');
}

const refused = (code: string, message: string) => new DomainError('unauthenticated', code, message);
