import { DomainError, invariant } from '@openledger/kernel';

/**
 * Longest vector. With it and the limits below no sum of the scan leaves 32 bits, whatever the vectors are: see
 * NORM_MAX.
 */
export const VECTOR_LENGTH_MAX = 1_024;
/** The scan takes 16 numbers at a step. */
export const VECTOR_LENGTH_STEP = 16;

/**
 * Bound on the Euclidean length of vectors of 16-bit integers. By Cauchy and Schwarz a product of two of them, and every partial
 * sum of it in any order, is at most 46,340² = 2,147,395,600 < 2³¹. Rows of bytes are shorter (127·√1024 = 4,064).
 */
const NORM_MAX = 46_340;
/** Rounding moves each number by at most ½, so it lengthens a vector by at most √1024 / 2 = 16. */
const NORM_AIM = NORM_MAX - 16;
const BYTE_MAX = 127;
const SHORT_MAX = 32_767;
/** Smallest normal float32: below it a scale has too few bits left. */
const SCALE_MIN = 2 ** -126;

/** `values[i] · scale` stands for the number; the scale is a float32. A zero vector has scale 0. */
export interface QuantisedRow {
  readonly values: Int8Array;
  readonly scale: number;
}

/** As a row, of 16-bit integers: queries and sums of groups. */
export interface QuantisedQuery {
  readonly values: Int16Array;
  readonly scale: number;
}

/** @throws DomainError VECTOR_LENGTH unless a positive multiple of 16 up to 1,024 */
export function checkVectorLength(length: number): void {
  if (
    Number.isInteger(length) &&
    length > 0 &&
    length <= VECTOR_LENGTH_MAX &&
    length % VECTOR_LENGTH_STEP === 0
  )
    return;
  throw new DomainError(
    'invalid',
    'VECTOR_LENGTH',
    `A vector has ${length} numbers; it needs a multiple of ${VECTOR_LENGTH_STEP} up to ${VECTOR_LENGTH_MAX}.`,
  );
}

/** @throws DomainError VECTOR_LENGTH, VECTOR_NOT_FINITE */
export function quantiseRow(vector: ArrayLike<number>): QuantisedRow {
  checkVectorLength(vector.length);
  const values = new Int8Array(vector.length);
  return { values, scale: quantiseRowInto(values, vector) };
}

/**
 * Writes the row and returns its scale: max|v| / 127 as float32, then ⌊|v| / scale + ½⌋ with v's sign (half away from
 * zero), all in IEEE doubles. Vectors below 127 · 2⁻¹²⁶ become zero.
 *
 * @throws DomainError VECTOR_NOT_FINITE
 */
export function quantiseRowInto(values: Int8Array, vector: ArrayLike<number>): number {
  return roundInto(values, vector, Math.fround(extentOf(vector).greatest / BYTE_MAX), BYTE_MAX);
}

/** @throws DomainError VECTOR_LENGTH, VECTOR_NOT_FINITE */
export function quantiseQuery(vector: ArrayLike<number>): QuantisedQuery {
  checkVectorLength(vector.length);
  const values = new Int16Array(vector.length);
  return { values, scale: quantiseQueryInto(values, vector) };
}

/**
 * As `quantiseRowInto`, to 16 bits, with the scale max(max|v| / 32,767, ‖v‖ / 46,324): what keeps sums in 32 bits. Of
 * 256 numbers alike in size each has about 13 bits.
 *
 * @throws DomainError VECTOR_NOT_FINITE
 */
export function quantiseQueryInto(values: Int16Array, vector: ArrayLike<number>): number {
  const { greatest, norm } = extentOf(vector);
  // One float32 step up, so that rounding the scale never lengthens the vector.
  const scale = Math.fround(Math.max(greatest / SHORT_MAX, norm / NORM_AIM) * (1 + 2 ** -23));
  return roundInto(values, vector, scale, SHORT_MAX);
}

/** Whether products with this query stay in 32 bits; for queries that come from outside, as in receipts. */
export function isSafeQuery({ values, scale }: QuantisedQuery): boolean {
  const squares = values.reduce((sum, value) => sum + value * value, 0);
  return (
    squares <= NORM_MAX * NORM_MAX && Number.isFinite(scale) && scale >= 0 && Math.fround(scale) === scale
  );
}

/** The exact product, as anybody can compute it again: integers far below 2⁵³. */
export function exactProduct(row: Int8Array | Int16Array, query: Int16Array): number {
  invariant(query.length <= row.length, 'a query is at most as long as a row');
  let sum = 0;
  for (let i = 0; i < query.length; i++) sum += (row[i] ?? 0) * (query[i] ?? 0);
  return sum;
}

/** What a product stands for; in this order, in IEEE doubles, so that it has the same bits everywhere. */
export const natsOf = (product: number, rowScale: number, queryScale: number): number =>
  product * rowScale * queryScale;

/** `natsOf` of each row. */
export function allNats(products: Int32Array, rowScales: Float32Array, queryScale: number): Float64Array {
  const nats = new Float64Array(products.length);
  for (let row = 0; row < nats.length; row++) {
    nats[row] = natsOf(products[row] ?? 0, rowScales[row] ?? 0, queryScale);
  }
  return nats;
}

function extentOf(vector: ArrayLike<number>): { readonly greatest: number; readonly norm: number } {
  let greatest = 0;
  let squares = 0;
  for (let i = 0; i < vector.length; i++) {
    const size = Math.abs(vector[i] ?? Number.NaN);
    squares += size * size;
    // Not `size > greatest`: NaN must not pass.
    if (!(size <= greatest)) greatest = size;
  }
  if (!Number.isFinite(squares)) {
    throw new DomainError(
      'invalid',
      'VECTOR_NOT_FINITE',
      'A vector has a number that is not finite or too large.',
    );
  }
  return { greatest, norm: Math.sqrt(squares) };
}

function roundInto(
  values: Int8Array | Int16Array,
  vector: ArrayLike<number>,
  scale: number,
  limit: number,
): number {
  if (scale === Number.POSITIVE_INFINITY) {
    throw new DomainError('invalid', 'VECTOR_NOT_FINITE', 'A vector is too large for a float32 scale.');
  }
  if (scale < SCALE_MIN) {
    values.fill(0);
    return 0;
  }
  for (let i = 0; i < vector.length; i++) {
    const value = vector[i] ?? 0;
    const size = Math.min(limit, Math.floor(Math.abs(value) / scale + 0.5));
    values[i] = value < 0 ? -size : size;
  }
  return scale;
}
