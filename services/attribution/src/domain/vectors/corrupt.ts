import { DomainError } from '@openledger/kernel';

/** @param where which part of the index, with its digest */
export const corrupt = (where: string, reason: string): DomainError =>
  new DomainError(
    'unavailable',
    'INDEX_CORRUPT',
    `${where} is damaged: ${reason}. Restore it from a backup or build the index again.`,
  );
