/** Number formats that model and adapter files use; everything is computed in float32. */
export const dtypes = ['F32', 'F16', 'BF16'] as const;

export type Dtype = (typeof dtypes)[number];

export function bytesOf(dtype: Dtype): number {
  return dtype === 'F32' ? 4 : 2;
}

/** Largest finite float16. */
const maxHalf = 65_504;

/** Widens little-endian file bytes to float32, into `floats`; exact for all three formats. */
export function decodeFloats(
  dtype: Dtype,
  bytes: Uint8Array,
  floats: Float32Array = new Float32Array(bytes.byteLength / bytesOf(dtype)),
): Float32Array {
  if (dtype === 'F32') {
    // A copy, because the file's bytes need not be aligned to four.
    new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength).set(bytes);
    return floats;
  }
  const words = new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
  if (dtype === 'BF16' && bytes.byteOffset % 2 === 0) {
    // The common case: the 16 bits are the upper half of a float32.
    const halves = new Uint16Array(bytes.buffer, bytes.byteOffset, floats.length);
    for (let at = 0; at < words.length; at++) words[at] = (halves[at] as number) << 16;
    return floats;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < floats.length; at++) {
    const half = view.getUint16(at * 2, true);
    if (dtype === 'BF16') words[at] = half << 16;
    else floats[at] = halfToFloat(half);
  }
  return floats;
}

/** Narrows to a file format, rounding to nearest even; values beyond float16 become its largest finite. */
export function encodeFloats(dtype: Dtype, floats: Float32Array): Uint8Array {
  if (dtype === 'F32') return new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength);
  const bytes = new Uint8Array(floats.length * 2);
  const view = new DataView(bytes.buffer);
  const words = new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
  for (let at = 0; at < floats.length; at++) {
    const word = words[at] as number;
    view.setUint16(
      at * 2,
      dtype === 'BF16' ? truncateToBrain(word) : floatToHalf(floats[at] as number),
      true,
    );
  }
  return bytes;
}

function truncateToBrain(word: number): number {
  const isNan = (word & 0x7fff_ffff) > 0x7f80_0000;
  if (isNan) return (word >>> 16) | 0x40;
  return (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
}

/** IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction bits. */
function halfToFloat(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >>> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function floatToHalf(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  if (Number.isNaN(value)) return 0x7e00;
  const size = Math.abs(value);
  if (size === Number.POSITIVE_INFINITY) return sign | 0x7c00;
  if (size >= maxHalf) return sign | 0x7bff;
  // Spacing of halves around this value: 2^-24 below 2^-14, else 2^(exponent - 10).
  const exponent = size < 2 ** -14 ? -14 : Math.floor(Math.log2(size));
  const steps = roundToEven(size / 2 ** (exponent - 10));
  // A subnormal has no leading one; carries of the rounding move into the exponent by themselves.
  const bits = size < 2 ** -14 ? steps : steps - 1024 + ((exponent + 15) << 10);
  return sign | bits;
}

function roundToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}
