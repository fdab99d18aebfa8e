/**
 * Shrinks vectors so that inner products stay right on average (count sketch, Charikar et al. 2002):
 * every dimension is added with a random sign to one random bucket; the error of a product is about
 * |a| |b| / √size. Hashing replaces a stored projection, which would be as large as the data.
 */
export class CountSketch {
  constructor(
    readonly size: number,
    private readonly seed: number,
  ) {}

  of(vector: Float32Array): Float32Array {
    const sketch = new Float32Array(this.size);
    for (let i = 0; i < vector.length; i++) {
      const hash = mix(i ^ this.seed);
      const bucket = (hash >>> 1) % this.size;
      const value = vector[i] ?? 0;
      sketch[bucket] = (sketch[bucket] ?? 0) + (hash & 1 ? value : -value);
    }
    return sketch;
  }
}

/** The finaliser of MurmurHash3: a bijection of 32 bits in which every bit depends on all. */
function mix(value: number): number {
  let bits = Math.imul(value, 0x9e3779b1);
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
