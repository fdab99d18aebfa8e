import { DomainError } from '@openledger/kernel';
import { isSafeQuery, type QuantisedQuery, VECTOR_LENGTH_STEP } from '../../../domain/vectors/quantise.js';

/** Rows that a scan returns at most. */
export const TOP_MAX = 10_000;

/** @throws DomainError QUERY_INVALID when its products with rows of k numbers would not be exact, or too many rows are asked for */
export function checkQuery(query: QuantisedQuery, k: number, top = 0): void {
  const { length } = query.values;
  if (length === 0 || length > k || length % VECTOR_LENGTH_STEP !== 0) {
    throw new DomainError(
      'invalid',
      'QUERY_INVALID',
      `A query has ${length} numbers; it needs a multiple of ${VECTOR_LENGTH_STEP} up to ${k}.`,
    );
  }
  if (!(Number.isInteger(top) && top >= 0 && top <= TOP_MAX)) {
    throw new DomainError('invalid', 'QUERY_INVALID', `A scan returns up to ${TOP_MAX} rows, not ${top}.`);
  }
  if (isSafeQuery(query)) return;
  throw new DomainError(
    'invalid',
    'QUERY_INVALID',
    'A query is too long for exact sums, or its scale is no float32.',
  );
}
