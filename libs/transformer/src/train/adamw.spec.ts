import type { Tensor } from '../model.js';
import { AdamW, defaultAdamW, globalNorm } from './adamw.js';
import { learningRateAt } from './schedule.js';

function tensor(shape: readonly number[], ...values: number[]): Tensor {
  return { shape, data: Float32Array.from(values) };
}

describe('AdamW', () => {
  it('has its epsilon inside the root, so that tiny gradients move little', () => {
    const parameters = new Map([['p', tensor([2], 0, 0)]]);
    const adamW = new AdamW(parameters, { ...defaultAdamW, epsilonRoot: 1e-8 });
    adamW.update(new Map([['p', tensor([2], 1e-6, 1)]]), 1, 0.1);
    const [tiny = 0, large = 0] = parameters.get('p')?.data ?? [];
    expect(tiny).toBeCloseTo((-0.1 * 1e-6) / Math.sqrt(1e-12 + 1e-8), 8);
    expect(large).toBeCloseTo(-0.1, 6);
  });

  it('follows its equations over several steps', () => {
    const options = { beta1: 0.8, beta2: 0.95, epsilonRoot: 1e-4, weightDecay: 0.1 };
    const parameters = new Map([['w', tensor([1, 2], 0.5, -0.25)]]);
    const adamW = new AdamW(parameters, options);
    const expected = [0.5, -0.25];
    const m = [0, 0];
    const v = [0, 0];
    for (let step = 1; step <= 5; step += 1) {
      const g = [Math.sin(step), 0.3 * step];
      adamW.update(new Map([['w', tensor([1, 2], ...g)]]), step, 0.01, 0.5);
      for (const i of expected.keys()) {
        const gi = 0.5 * (g[i] ?? 0);
        m[i] = 0.8 * (m[i] ?? 0) + 0.2 * gi;
        v[i] = 0.95 * (v[i] ?? 0) + 0.05 * gi * gi;
        const direction =
          (m[i] ?? 0) / (1 - 0.8 ** step) / Math.sqrt((v[i] ?? 0) / (1 - 0.95 ** step) + 1e-4);
        expected[i] = (expected[i] ?? 0) * (1 - 0.01 * 0.1) - 0.01 * direction;
      }
    }
    const { data = [] } = parameters.get('w') ?? {};
    for (const [i, value] of expected.entries()) expect(data[i]).toBeCloseTo(value, 6);
  });

  it('decays matrices and leaves vectors', () => {
    const parameters = new Map([
      ['matrix', tensor([1, 1], 1)],
      ['vector', tensor([1], 1)],
    ]);
    const adamW = new AdamW(parameters, { ...defaultAdamW, weightDecay: 0.5 });
    const none = new Map([
      ['matrix', tensor([1, 1], 0)],
      ['vector', tensor([1], 0)],
    ]);
    adamW.update(none, 1, 0.1);
    expect(parameters.get('matrix')?.data[0]).toBeCloseTo(0.95, 6);
    expect(parameters.get('vector')?.data[0]).toBe(1);
  });

  it('refuses gradients of another model', () => {
    const adamW = new AdamW(new Map([['p', tensor([2], 0, 0)]]), defaultAdamW);
    expect(() => adamW.update(new Map(), 1, 0.1)).toThrow('no gradient of p');
  });
});

describe('globalNorm', () => {
  it('is the Euclidean norm over all tensors', () => {
    const gradients = new Map([
      ['a', tensor([2], 3, 0)],
      ['b', tensor([1], 4)],
    ]);
    expect(globalNorm(gradients)).toBe(5);
  });
});

describe('learningRateAt', () => {
  const schedule = { learningRate: 2, steps: 110, warmupSteps: 10, finalShare: 0.1 };
  it('rises linearly, then falls along a cosine to its final share', () => {
    expect([1, 5, 10].map((step) => learningRateAt(step, schedule))).toEqual([0.2, 1, 2]);
    expect(learningRateAt(60, schedule)).toBeCloseTo(1.1, 12);
    expect(learningRateAt(110, schedule)).toBeCloseTo(0.2, 12);
    expect(learningRateAt(500, schedule)).toBeCloseTo(0.2, 12);
  });

  it('starts at its full rate without warm-up', () => {
    expect(learningRateAt(1, { ...schedule, warmupSteps: 0, steps: 1_000_000 })).toBeCloseTo(2, 6);
  });
});
