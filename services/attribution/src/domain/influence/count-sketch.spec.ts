import { dot, lengthOf } from './arithmetic.js';
import { CountSketch } from './count-sketch.js';

const LENGTH = 20_000;
const wave = (phase: number) =>
  Float32Array.from({ length: LENGTH }, (_, i) => Math.sin(i * i * 0.37 + phase));

describe('CountSketch', () => {
  it('keeps inner products to about 1/√size of the lengths', () => {
    const sketch = new CountSketch(1024, 5);
    for (const [a, b] of [
      [0, 0.4],
      [0, Math.PI / 2],
      [0, 3],
    ] as const) {
      const [one, two] = [wave(a), wave(b)];
      const error = Math.abs(dot(sketch.of(one), sketch.of(two)) - dot(one, two));
      expect(error).toBeLessThan((5 * lengthOf(one) * lengthOf(two)) / Math.sqrt(1024));
    }
  });

  it('is linear and depends on its seed alone', () => {
    const [one, two] = [wave(1), wave(2)];
    const sketch = new CountSketch(64, 9);
    const together = sketch.of(one.map((value, i) => value + (two[i] ?? 0)));
    const apart = sketch.of(one).map((value, i) => value + (sketch.of(two)[i] ?? 0));
    together.forEach((value, i) => {
      expect(value).toBeCloseTo(apart[i] ?? Number.NaN, 3);
    });
    expect(new CountSketch(64, 9).of(one)).toEqual(sketch.of(one));
    expect(new CountSketch(64, 10).of(one)).not.toEqual(sketch.of(one));
  });
});
