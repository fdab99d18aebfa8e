import { passesLuhn } from './checksums.js';
import type { PersonalDataKind } from './personal-data-kind.js';

/** First digits of the card schemes; JCB's old 15-digit ranges 1800 and 2131 are written out. */
const CARD_PREFIX = /^(?:4|5[0-8]|6|2[2-7]|3[0-9]|1800|2131)/;
const CARD_GROUPS = /^(?:\d{12,19}|\d{4}(?:[ -]\d{4}){2,3}(?:[ -]\d{1,4})?|\d{4}[ -]\d{6}[ -]\d{4,5})$/;
const SSN = /^(\d{3})([- ])(\d{2})\2(\d{4})$/;
const NORTH_AMERICAN =
  /^(?:(?:\+|00)?1[-. ]?)?(?:\(([2-9]\d\d)\) ?|([2-9]\d\d)[-. /])[2-9]\d\d[-. ]\d{4}(?:\s?x\d{1,6})?$/;
/** Trunk prefix 0 and groups, as most of the world writes a number at home. */
const NATIONAL = /^\(?0[1-9]\d{0,3}\)?(?:[ .-]\d{2,4}){2,4}$/;
const INTERNATIONAL = /^(?:\+|00)[1-9]/;
/** Freephone numbers are those of organisations. */
const FREEPHONE =
  /^(?:\+?1[-. ]?)?\(?8(?:00|33|44|55|66|77|88)\b|^1?8(?:00|33|44|55|66|77|88)\d{7}$|^0?800[ -]/;
const PHONE_WORDS =
  /\b(?:phone|telephone|tel|call|calling|called|mobile|cell|cellphone|fax|dial|ring|text|sms|whatsapp|messages?|answer|answering|reach|contact|landline|extension|voicemail|number is|number to|new number|my number|his number|her number)\b/i;
const OTHER_NUMBERS =
  /\b(?:isbn|issn|doi|pmid|case|order|invoice|ticket|version|model|serial|grant|omim|page|pages|pp|vol|account|licen[cs]e number|licen[cs]e)\b[^\d]{0,12}$/i;

/** Characters around a number in which a word may say what it is. */
const BEFORE = 60;
const AFTER = 30;

/** What a run of digits is to a person, if anything. `at` is where it starts in `text`. */
export function kindOfNumber(text: string, at: number, number: string): PersonalDataKind | undefined {
  const digits = number.replace(/\D/g, '');
  if (isCard(number, digits)) return 'PAYMENT_CARD';
  if (isSocialSecurityNumber(number)) return 'SOCIAL_SECURITY_NUMBER';
  return isPhone(text, at, number, digits) ? 'PHONE' : undefined;
}

const isCard = (number: string, digits: string): boolean =>
  digits.length >= 12 &&
  digits.length <= 19 &&
  CARD_PREFIX.test(digits) &&
  CARD_GROUPS.test(number) &&
  passesLuhn(digits);

/** Areas 000, 666 and 900 up, group 00 and serial 0000 were never given (US Social Security Administration). */
function isSocialSecurityNumber(number: string): boolean {
  const parts = SSN.exec(number);
  if (parts === null) return false;
  const [, area = '', , group = '', serial = ''] = parts;
  return area !== '000' && area !== '666' && area < '900' && group !== '00' && serial !== '0000';
}

function isPhone(text: string, at: number, number: string, digits: string): boolean {
  if (digits.length < 7 || digits.length > 16 || FREEPHONE.test(number)) return false;
  const before = text.slice(Math.max(0, at - BEFORE), at);
  if (OTHER_NUMBERS.test(before)) return false;
  if (NORTH_AMERICAN.test(number)) return true;
  if (NATIONAL.test(number) && digits.length >= 9 && digits.length <= 12) return true;
  if (INTERNATIONAL.test(number) && /[ ()-]|^\+/.test(number)) return digits.length >= 9;
  const after = text.slice(at + number.length, at + number.length + AFTER);
  return PHONE_WORDS.test(before) || PHONE_WORDS.test(after);
}
