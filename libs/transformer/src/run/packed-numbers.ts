import { invariant } from '@openledger/kernel';

/** Numbers in the narrowest of three formats that holds them exactly: that of their file, as a rule. */
export type PackedNumbers =
  | { readonly format: 'f32'; readonly data: Float32Array }
  | { readonly format: 'bf16' | 'f16'; readonly data: Uint16Array };

/** Takes `data` over. */
export function narrowed(data: Float32Array): PackedNumbers {
  const words = new Uint32Array(data.buffer, data.byteOffset, data.length);
  let low = 0;
  for (let at = 0; at < words.length; at += 1) low |= words[at] as number;
  if ((low & 0xffff) === 0) {
    const brain = new Uint16Array(words.length);
    for (let at = 0; at < words.length; at += 1) brain[at] = (words[at] as number) >>> 16;
    return { format: 'bf16', data: brain };
  }
  const halves = new Float16Array(data);
  for (let at = 0; at < data.length; at += 1) {
    if (halves[at] !== data[at]) return { format: 'f32', data };
  }
  return { format: 'f16', data: new Uint16Array(halves.buffer) };
}

const largestFloat = 3.402_823_466_385_288_6e38;

/** Writes packed numbers as float32, times a factor, into the memory of a pool. */
export class NumberWriter {
  /** Every float16 by its bits. */
  private halves: Float32Array | undefined;

  /** Fills the front of `target`. What the factor would make infinite stays finite. */
  write(target: Float32Array, numbers: PackedNumbers, factor: number): void {
    invariant(numbers.data.length <= target.length, 'the numbers do not fit');
    this.widen(target, numbers);
    if (factor === 1) return;
    for (let at = 0; at < numbers.data.length; at += 1) {
      const value = (target[at] as number) * factor;
      target[at] = Math.min(Math.max(value, -largestFloat), largestFloat);
    }
  }

  private widen(target: Float32Array, { format, data }: PackedNumbers): void {
    if (format === 'f32') target.set(data);
    else if (format === 'bf16') {
      const words = new Uint32Array(target.buffer, target.byteOffset, data.length);
      for (let at = 0; at < data.length; at += 1) words[at] = (data[at] as number) << 16;
    } else {
      this.halves ??= allHalves();
      const { halves } = this;
      for (let at = 0; at < data.length; at += 1) target[at] = halves[data[at] as number] as number;
    }
  }
}

function allHalves(): Float32Array {
  const bits = new Uint16Array(2 ** 16).map((_, at) => at);
  return Float32Array.from(new Float16Array(bits.buffer));
}
