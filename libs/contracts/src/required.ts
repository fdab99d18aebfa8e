import { DomainError } from '@openledger/kernel';

/**
 * A field without which an event means nothing; proto3 has absent messages and empty text for it.
 *
 * @throws DomainError EVENT_INCOMPLETE
 */
export function required<T>(value: T | undefined, name: string): T {
  if (value !== undefined && value !== '') return value;
  throw new DomainError('invalid', 'EVENT_INCOMPLETE', `The event has no ${name}.`);
}
