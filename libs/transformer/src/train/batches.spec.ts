import { completionExample } from '../run/batch.js';
import { shuffledBatches, streamBatches } from './batches.js';
import { normal, permutation, seededRandom } from './random.js';

describe('shuffledBatches', () => {
  const examples = Array.from({ length: 10 }, (_, id) => ({ inputIds: [id], labels: [id] }));
  const ids = (batches: ReturnType<typeof shuffledBatches>, step: number): number[] =>
    batches(step).map(({ inputIds }) => inputIds[0] ?? -1);

  it('shows every example once a pass, in another order on the next', () => {
    const batches = shuffledBatches(examples, 5, 4);
    const first = [...ids(batches, 0), ...ids(batches, 1)];
    const second = [...ids(batches, 2), ...ids(batches, 3)];
    for (const pass of [first, second])
      expect([...pass].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(second).not.toEqual(first);
  });

  it('gives a step the same batch in whatever order steps are asked for', () => {
    const forward = shuffledBatches(examples, 4, 4);
    const steps = Array.from({ length: 12 }, (_, step) => ids(forward, step));
    const backward = shuffledBatches(examples, 4, 4);
    for (let step = 11; step >= 0; step -= 1) expect(ids(backward, step)).toEqual(steps[step]);
    expect(ids(shuffledBatches(examples, 4, 5), 0)).not.toEqual(steps[0]);
  });

  it('refuses to train on nothing', () => {
    expect(() => shuffledBatches([], 4, 1)).toThrow('nothing to train on');
  });
});

describe('streamBatches', () => {
  const tokens = Int32Array.from({ length: 100 }, (_, i) => i);

  it('cuts windows that predict their successors, none twice in a pass', () => {
    const batches = streamBatches(tokens, { rows: 2, length: 8 }, 3);
    const starts = new Set<number>();
    for (let step = 0; step < 5; step += 1) {
      for (const { inputIds, labels } of batches(step)) {
        expect(Array.from(labels)).toEqual(Array.from(inputIds, (token) => token + 1));
        expect(inputIds).toHaveLength(8);
        expect(labels[7]).toBeLessThan(100);
        starts.add(inputIds[0] ?? -1);
      }
    }
    expect(starts.size).toBe(10);
  });

  it('refuses a stream shorter than two windows', () => {
    expect(() => streamBatches(tokens.subarray(0, 16), { rows: 1, length: 8 }, 1)).toThrow('no window of 8');
  });
});

describe('completionExample', () => {
  it('labels each position with its successor, from the completion on', () => {
    const { inputIds, labels } = completionExample([10, 11, 12, 13, 14], 3);
    expect(Array.from(inputIds)).toEqual([10, 11, 12, 13]);
    expect(Array.from(labels)).toEqual([-100, -100, 13, 14]);
  });

  it('has nothing to say about a single token', () => {
    expect(completionExample([10]).inputIds).toHaveLength(0);
  });
});

describe('seededRandom', () => {
  it('repeats from its seed and is uniform and normal where asked', () => {
    const draw = (seed: number): number[] => Array.from({ length: 4 }, seededRandom(seed));
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
    const random = seededRandom(3);
    const deviates = Array.from({ length: 20_000 }, () => normal(random));
    const mean = deviates.reduce((a, b) => a + b, 0) / deviates.length;
    const variance = deviates.reduce((a, b) => a + (b - mean) ** 2, 0) / deviates.length;
    expect(Math.abs(mean)).toBeLessThan(0.03);
    expect(Math.abs(variance - 1)).toBeLessThan(0.04);
    expect([...permutation(6, seededRandom(8))].sort()).toEqual([0, 1, 2, 3, 4, 5]);
  });
});
