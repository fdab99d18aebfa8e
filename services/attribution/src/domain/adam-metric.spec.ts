import { AdamMetric } from './adam-metric.js';
import { dot } from './vectors.js';

const values = (...data: number[]) => ({ data: Float32Array.from(data) });
const metric = new AdamMetric(
  new Map([
    ['b', values(0, 3)],
    ['a', values(15)],
  ]),
  1,
);

describe('AdamMetric', () => {
  it('lays tensors end to end by name, and takes them apart again', () => {
    const tensors = new Map([
      ['b', values(2, 3)],
      ['a', values(1)],
    ]);
    expect([...metric.flatten(tensors)]).toEqual([1, 2, 3]);
    expect(metric.unflatten(Float32Array.of(1, 2, 3))).toEqual(
      new Map([
        ['a', Float32Array.of(1)],
        ['b', Float32Array.of(2, 3)],
      ]),
    );
  });

  it('makes the inner product of two gradients the one that Adam’s step has', () => {
    const [one, two] = [
      new Map([
        ['a', values(2)],
        ['b', values(1, -1)],
      ]),
      new Map([
        ['a', values(3)],
        ['b', values(4, 6)],
      ]),
    ];
    // Σ g g' / √(v + 1), with v = 15, 0, 3.
    const expected = (2 * 3) / 4 + (1 * 4) / 1 + (-1 * 6) / 2;
    expect(dot(metric.toMetric(one), metric.toMetric(two))).toBeCloseTo(expected, 5);
    expect(dot(metric.flatten(one), metric.toStep(metric.toMetric(two)))).toBeCloseTo(expected, 5);
  });

  it('refuses gradients of another adapter', () => {
    expect(() => metric.toMetric(new Map([['a', values(1)]]))).toThrow('b differs');
  });
});
