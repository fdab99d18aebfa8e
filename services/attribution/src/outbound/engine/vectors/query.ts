import { DomainError } from '@openledger/kernel';
import { isSafeQuery, type QuantisedQuery, VECTOR_LENGTH_STEP } from '../../../domain/vectors/quantise.js';

/** @throws DomainError QUERY_INVALID when its products with rows of k numbers would not be exact */
export function checkQuery(query: QuantisedQuery, k: number): void {
  const { length } = query.values;
  if (length === 0 || length > k || length % VECTOR_LENGTH_STEP !== 0) {
    throw new DomainError(
      'invalid',
      'QUERY_INVALID',
      `A query has ${length} numbers; it needs a multiple of ${VECTOR_LENGTH_STEP} up to ${k}.`,
    );
  }
  if (isSafeQuery(query)) return;
  throw new DomainError(
    'invalid',
    'QUERY_INVALID',
    'A query is too long for exact sums, or its scale is no float32.',
  );
}
