import { normal, seededRandom } from '@openledger/transformer';
import { blockRotations, ROTATION_BLOCK } from './rotation.js';

const rotationsOf = (length: number, seed = 5) => {
  const random = seededRandom(seed);
  return blockRotations(length, () => normal(random));
};
const sizeOf = (matrix: Float64Array) => Math.round(Math.sqrt(matrix.length));
const rowsOf = (matrix: Float64Array) => {
  const size = sizeOf(matrix);
  return Array.from({ length: size }, (_, i) => matrix.subarray(i * size, (i + 1) * size));
};
const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);

describe('blockRotations', () => {
  it.each([1, 16, 64, 80, 256])('are orthogonal to twelve digits: %i dimensions', (length) => {
    const blocks = rotationsOf(length);
    expect(blocks.reduce((sum, block) => sum + sizeOf(block), 0)).toBe(length);
    for (const block of blocks) {
      const rows = rowsOf(block);
      for (const [i, one] of rows.entries()) {
        for (const [j, other] of rows.entries())
          expect(Math.abs(dot(one, other) - (i === j ? 1 : 0))).toBeLessThan(1e-12);
      }
    }
  });

  it('turn the first 64 by themselves, so that a vector of 64 is the beginning of a longer one', () => {
    const [short] = rotationsOf(ROTATION_BLOCK);
    const [first, second] = rotationsOf(2 * ROTATION_BLOCK);
    expect(first).toEqual(short);
    expect(second).not.toEqual(first);
  });

  it('spread one large component over all of its block', () => {
    const [block] = rotationsOf(ROTATION_BLOCK);
    const column = rowsOf(block ?? new Float64Array()).map((row) => Math.abs(row[0] ?? 0));
    // Of a column of length 1 the largest of 64 would be 1 unrotated; it is √(2 ln 64 / 64) or so.
    expect(Math.max(...column)).toBeLessThan(0.6);
  });

  it('are the same for the same seed, and none of nothing', () => {
    expect(rotationsOf(80)).toEqual(rotationsOf(80));
    expect(rotationsOf(80, 6)).not.toEqual(rotationsOf(80));
    expect(rotationsOf(0)).toEqual([]);
  });
});
