import { dot, lengthOf } from './arithmetic.js';

/** Dimensions that are rotated together, so that the first 64 of a vector are the vector of 64. */
export const ROTATION_BLOCK = 64;

/**
 * Random orthogonal matrices [block × block], row-major, one for each block of `length` dimensions. Principal
 * components differ in size by orders of magnitude; rotated, each dimension carries about the same, and few
 * bits for each lose little (QuIP, Chee et al. 2023, for weights).
 */
export function blockRotations(length: number, normal: () => number): Float64Array[] {
  const rotations: Float64Array[] = [];
  for (let from = 0; from < length; from += ROTATION_BLOCK) {
    rotations.push(orthogonal(Math.min(ROTATION_BLOCK, length - from), normal));
  }
  return rotations;
}

/** Gram–Schmidt over normal rows, twice for accuracy. */
function orthogonal(size: number, normal: () => number): Float64Array {
  const rows = Float64Array.from({ length: size * size }, normal);
  for (let row = 0; row < size; row++) {
    const own = rows.subarray(row * size, (row + 1) * size);
    for (let pass = 0; pass < 2; pass++) {
      for (let before = 0; before < row; before++) {
        const other = rows.subarray(before * size, (before + 1) * size);
        const along = dot(own, other);
        for (let i = 0; i < size; i++) own[i] = (own[i] ?? 0) - along * (other[i] ?? 0);
      }
    }
    const length = lengthOf(own);
    for (let i = 0; i < size; i++) own[i] = (own[i] ?? 0) / length;
  }
  return rows;
}
