import { DomainError } from '@openledger/kernel';

/**
 * An amount as events carry it: a decimal string of at most 39 digits.
 *
 * @throws DomainError EVENT_INCOMPLETE
 */
export function toWei(text: string): bigint {
  if (/^\d{1,39}$/.test(text)) return BigInt(text);
  throw new DomainError('invalid', 'EVENT_INCOMPLETE', `"${text}" is not a whole number of wei.`);
}
