import { dimAt } from '../dimensions.js';
import { microsoftDomain, type Value } from '../graph.js';
import { eachPiece, largestAt, type MatrixRows, smallestRange, stackedShape } from './quantize.js';

/** Weights that share a scale. */
const blockSize = 32;
const bytesPerBlock = blockSize / 2;

/** The 4-bit level that stands for 0. */
const zeroLevel = 8;

/**
 * Activations as bytes, block by block. The levels 0 and 1 (none or float32) run twelve times slower on
 * x86 for some widths, and 4 differs from them by less than the weights' own rounding.
 */
const accuracyLevel = 4;

/** A matrix in 4 bits a weight: value ≈ (level − 8) · scale, with one scale for 32 neighbours of a row. */
export interface QuantizedBlocks {
  /** uint8 [out, blocks, 16], two levels a byte, the earlier in the lower half. */
  readonly levels: Value;
  /** float32 [out, blocks]. */
  readonly scales: Value;
  /** Length of a row; the last block may reach beyond it. */
  readonly input: number;
}

/** Blocks of a row. */
export function blockCount(input: number): number {
  return Math.ceil(input / blockSize);
}

/** x · Wᵀ with 4-bit weights (ONNX Runtime's `MatMulNBits`). */
export function matmulBlocks(x: Value, weight: QuantizedBlocks): Value {
  const out = Number(dimAt(weight.levels.shape, 0));
  return x.graph.one('MatMulNBits', [x, weight.levels, weight.scales], {
    dtype: 'float32',
    shape: [...x.shape.slice(0, -1), out],
    domain: microsoftDomain,
    attributes: {
      K: weight.input,
      N: out,
      bits: 4,
      block_size: blockSize,
      accuracy_level: accuracyLevel,
    },
  });
}

/** Quantises weights that lie below one another, in the layout of {@link QuantizedBlocks}. */
export function quantizeBlocks(weights: readonly MatrixRows[]): {
  readonly levels: Uint8Array;
  readonly scales: Float32Array;
} {
  const [out, input] = stackedShape(weights);
  const blocks = blockCount(input);
  const levels = new Uint8Array(out * blocks * bytesPerBlock);
  const scales = new Float32Array(out * blocks);
  eachPiece(weights, (floats, first, count) => {
    for (let row = 0; row < count; row += 1) {
      const end = (row + 1) * input;
      for (let block = 0; block < blocks; block += 1) {
        const begin = row * input + block * blockSize;
        const stop = Math.min(begin + blockSize, end);
        const at = (first + row) * blocks + block;
        const scale = blockScale(floats, begin, stop);
        scales[at] = scale;
        packBlock(
          floats.subarray(begin, stop),
          scale,
          levels.subarray(at * bytesPerBlock, (at + 1) * bytesPerBlock),
        );
      }
    }
  });
  return { levels, scales };
}

/** The number of largest size becomes the lowest level, −8, which has no positive counterpart. */
function blockScale(floats: Float32Array, begin: number, end: number): number {
  const extreme = floats[largestAt(floats, begin, end)] ?? 0;
  return Math.abs(extreme) < smallestRange ? smallestRange : extreme / -zeroLevel;
}

function packBlock(floats: Float32Array, scale: number, bytes: Uint8Array): void {
  const inverse = 1 / scale;
  const level = (value: number): number => Math.min((value * inverse + zeroLevel + 0.5) | 0, 15);
  for (let byte = 0; byte < bytes.length; byte += 1) {
    const low = level(floats[2 * byte] ?? 0);
    const high = level(floats[2 * byte + 1] ?? 0);
    bytes[byte] = low | (high << 4);
  }
}
