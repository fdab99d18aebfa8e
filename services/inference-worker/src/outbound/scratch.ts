/** Kept from one use to the next; what is larger is given back. */
const FLOATS_MAX = 32 * 1_024 * 1_024;

/** Floats for one use after another; what was taken is valid until the next reset. */
export class Scratch {
  private floats = new Float32Array(0);
  private used = 0;
  /** Asked for since the last reset, whether it was there or not. */
  private wanted = 0;

  reset(): void {
    const size = Math.min(Math.max(this.wanted, this.floats.length), FLOATS_MAX);
    if (size > this.floats.length) this.floats = new Float32Array(size);
    this.used = 0;
    this.wanted = 0;
  }

  take(count: number): Float32Array {
    this.wanted += count;
    if (this.used + count > this.floats.length) return new Float32Array(count);
    this.used += count;
    return this.floats.subarray(this.used - count, this.used);
  }
}
