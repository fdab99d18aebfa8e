import { passesIban } from './checksums.js';
import { isPersonalIpv4, isPersonalIpv6 } from './network-addresses.js';
import { kindOfNumber } from './numbers.js';
import type { PersonalDataKind } from './personal-data-kind.js';

/** Every repetition is bounded, so each pass is linear in the text whatever it holds. */
const EMAIL = /([\p{L}\p{N}._%+'-]{1,64})@((?:[a-z0-9-]{1,63}\.){1,6}[a-z]{2,24})/giu;
const IBAN = /\b[a-z]{2}\d{2}(?: ?[a-z0-9]{4}){2,7}(?: ?[a-z0-9]{1,3})?\b/gi;
const NUMBER = /(?<![\w.])(?:\+|\()?\d[\d().\- /]{4,30}\d(?:\s?x\d{1,6})?(?![\w])/g;
const IPV4 = /(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w]|\.\d)/g;
const IPV6 = /(?<![\w:])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![\w:])/gi;
const SECRET =
  /-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36}\b|\bsk-[A-Za-z0-9_-]{32,64}\b/g;

/** Mailboxes of an office rather than a person (RFC 2142 and what became usual). */
const ROLES =
  /^(?:info|contact|support|help|helpdesk|admin|office|press|media|sales|marketing|security|abuse|noc|postmaster|hostmaster|webmaster|noreply|no-reply|hello|privacy|legal|jobs|careers|team|service|customerservice|enquiries|inquiries|feedback|news|newsletter|billing|orders|library)$/i;
const RESERVED_DOMAIN = /(?:^|\.)(?:example\.(?:com|net|org)|test|invalid|localhost|example)$/i;

/**
 * The kinds of personal data in a text, in a fixed order. What was found is never returned: nobody
 * downstream can log or store it by mistake.
 */
export function personalDataIn(text: string): PersonalDataKind[] {
  const found = new Set<PersonalDataKind>();
  if (text.includes('@') && some(text, EMAIL, isPersonalEmail)) found.add('EMAIL');
  if (/\d/.test(text)) {
    if (some(text, IBAN, ([match]) => passesIban(match.replaceAll(' ', '').toUpperCase()))) found.add('IBAN');
    if (some(text, IPV4, ([match]) => isPersonalIpv4(match))) found.add('IP_ADDRESS');
    if (text.includes(':') && some(text, IPV6, ([match]) => isPersonalIpv6(match))) found.add('IP_ADDRESS');
    for (const match of text.matchAll(NUMBER)) {
      const kind = kindOfNumber(text, match.index, match[0]);
      if (kind !== undefined) found.add(kind);
    }
  }
  if (some(text, SECRET, () => true)) found.add('SECRET');
  return ORDER.filter((kind) => found.has(kind));
}

const ORDER: readonly PersonalDataKind[] = [
  'EMAIL',
  'PHONE',
  'PAYMENT_CARD',
  'IBAN',
  'SOCIAL_SECURITY_NUMBER',
  'IP_ADDRESS',
  'SECRET',
];

function isPersonalEmail([, local = '', domain = '']: RegExpMatchArray): boolean {
  return !ROLES.test(local) && !RESERVED_DOMAIN.test(domain);
}

function some(text: string, pattern: RegExp, holds: (match: RegExpMatchArray) => boolean): boolean {
  for (const match of text.matchAll(pattern)) if (holds(match)) return true;
  return false;
}
