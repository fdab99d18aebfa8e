import { plainSampling, type Sampling } from './sampling.js';
import { TokenHistory } from './token-history.js';
import { TokenSampler } from './token-sampler.js';

const plain: Sampling = { ...plainSampling, temperature: 1 };
const sampleToken = (logits: Float32Array, sampling: Sampling, random: () => number) =>
  new TokenSampler(logits.length).choose(logits, {
    sampling,
    random,
    history: new TokenHistory([]),
    mask: undefined,
  });
const logitsOf = (...probabilities: number[]) => Float32Array.from(probabilities, Math.log);
const evenly = (draws: number) => Array.from({ length: draws }, (_, index) => (index + 0.5) / draws);

function shares(logits: Float32Array, sampling: Partial<Sampling>): number[] {
  const counts = Array.from(logits, () => 0);
  for (const uniform of evenly(1_000)) {
    const token = sampleToken(logits, { ...plain, ...sampling }, () => uniform);
    counts[token] = (counts[token] ?? 0) + 1;
  }
  return counts.map((count) => count / 1_000);
}

describe('sampleToken', () => {
  const logits = logitsOf(0.1, 0.5, 0.25, 0.15);

  it('draws in proportion to the probabilities', () => {
    const found = shares(logits, {});
    for (const [token, share] of [0.1, 0.5, 0.25, 0.15].entries()) expect(found[token]).toBeCloseTo(share, 2);
  });

  it('is greedy at temperature 0, and ties go to the smaller id', () => {
    expect(shares(logits, { temperature: 0 })).toEqual([0, 1, 0, 0]);
    expect(sampleToken(logitsOf(0.1, 0.45, 0.45), { ...plain, temperature: 0 }, () => 0.99)).toBe(1);
  });

  it('flattens and sharpens with the temperature', () => {
    expect(shares(logits, { temperature: 0.25 })[1]).toBeGreaterThan(0.9);
    expect(shares(logits, { temperature: 100 })[0]).toBeCloseTo(0.25, 1);
  });

  it('keeps the likeliest few, and the smallest set that reaches the mass', () => {
    const two = shares(logits, { topK: 2 });
    expect([two[0], two[3]]).toEqual([0, 0]);
    expect(two[1]).toBeCloseTo(2 / 3, 2);
    expect(shares(logits, { topP: 0.7 })[3]).toBe(0);
    expect(shares(logits, { topP: 0.7 })[2]).toBeGreaterThan(0);
    expect(shares(logits, { topP: 0.4 })).toEqual([0, 1, 0, 0]);
  });

  it('passes over what is not a number, and refuses when nothing is', () => {
    const damaged = Float32Array.of(Number.NaN, 1, Number.POSITIVE_INFINITY);
    expect(sampleToken(damaged, { ...plain, temperature: 0 }, () => 0)).toBe(1);
    const nothing = Float32Array.of(Number.NaN, Number.NEGATIVE_INFINITY);
    expect(() => sampleToken(nothing, plain, () => 0)).toThrow(
      expect.objectContaining({ code: 'LOGITS_NOT_FINITE' }),
    );
  });
});
