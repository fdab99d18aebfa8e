import fc from 'fast-check';
import { plainSampling, type Sampling } from './sampling.js';
import { TokenHistory } from './token-history.js';
import { allow, countedMask, emptyMask } from './token-mask.js';
import { TokenSampler } from './token-sampler.js';

const plain: Sampling = { ...plainSampling, temperature: 1 };
const sampleToken = (
  logits: Float32Array,
  sampling: Sampling,
  random: () => number,
  sampler = new TokenSampler(logits.length),
) =>
  sampler.choose(logits, {
    sampling,
    random,
    history: new TokenHistory([]),
    mask: undefined,
  });
const logitsOf = (...probabilities: number[]) => Float32Array.from(probabilities, Math.log);
const evenly = (draws: number) => Array.from({ length: draws }, (_, index) => (index + 0.5) / draws);

function shares(logits: Float32Array, sampling: Partial<Sampling>): number[] {
  const counts = Array.from(logits, () => 0);
  const sampler = new TokenSampler(logits.length);
  for (const uniform of evenly(1_000)) {
    const token = sampleToken(logits, { ...plain, ...sampling }, () => uniform, sampler);
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

/** xorshift32 (Marsaglia 2003): uniform, and the same on every machine. */
function uniforms(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** The distribution by its definition: everything sorted, one filter after the other. */
function byDefinition(logits: Float32Array, { temperature, minP, topK, topP }: Sampling): number[] {
  const peak = Math.max(...logits);
  let kept = Array.from(logits, (logit, token) => ({
    token,
    weight: Math.exp((logit - peak) / temperature),
  }));
  kept.sort((a, b) => b.weight - a.weight || a.token - b.token);
  kept = kept.filter(({ weight }) => weight >= minP);
  if (topK > 0) kept = kept.slice(0, topK);
  const mass = kept.reduce((sum, { weight }) => sum + weight, 0);
  let before = 0;
  kept = kept.filter(({ weight }) => {
    const inside = before < topP * mass;
    before += weight;
    return inside;
  });
  const total = kept.reduce((sum, { weight }) => sum + weight, 0);
  const shared = Array.from(logits, () => 0);
  for (const { token, weight } of kept) shared[token] = weight / total;
  return shared;
}

describe('the distribution', () => {
  // Of steps that no filter's border falls on, with many ties.
  const logits = fc
    .array(fc.integer({ min: -40, max: 40 }), { minLength: 2, maxLength: 60 })
    .map((values) => Float32Array.from(values, (value) => value / 8));
  const filters = fc.record({
    temperature: fc.constantFrom(0.3, 0.7, 1, 2.5),
    topK: fc.constantFrom(0, 1, 2, 5, 17, 300),
    topP: fc.constantFrom(1, 0.987, 0.713, 0.331, 0.057),
    minP: fc.constantFrom(0, 0.0137, 0.231),
  });

  it('is what its definition says, whatever the filters', () => {
    fc.assert(
      fc.property(logits, filters, (row, chosen) => {
        const sampling = { ...plain, ...chosen };
        const wanted = byDefinition(row, sampling);
        for (const [token, share] of shares(row, sampling).entries()) {
          expect(Math.abs(share - (wanted[token] ?? 0))).toBeLessThan(0.0021);
        }
      }),
      { numRuns: 60, seed: 3 },
    );
  });

  it('is the same for many likeliest as for few: a histogram instead of insertion', () => {
    const random = uniforms(7);
    const row = Float32Array.from({ length: 1_000 }, () => Math.round(random() * 400) / 50);
    for (const topK of [255, 256, 257, 900]) {
      const sampling = { ...plain, topK };
      const wanted = byDefinition(row, sampling);
      const found = shares(row, sampling);
      expect(found.filter((share, token) => share > 0 && wanted[token] === 0)).toEqual([]);
    }
  });

  it('is met by draws (chi-square, 7 degrees of freedom, 99.9 %)', () => {
    const probabilities = [0.3, 0.2, 0.15, 0.12, 0.1, 0.06, 0.04, 0.03];
    const random = uniforms(2_026);
    const draws = 20_000;
    const row = logitsOf(...probabilities);
    const sampler = new TokenSampler(row.length);
    const counts = probabilities.map(() => 0);
    for (let draw = 0; draw < draws; draw += 1) {
      const token = sampleToken(row, plain, random, sampler);
      counts[token] = (counts[token] ?? 0) + 1;
    }
    const chiSquare = probabilities.reduce((sum, probability, token) => {
      const expected = probability * draws;
      return sum + ((counts[token] ?? 0) - expected) ** 2 / expected;
    }, 0);
    expect(chiSquare).toBeLessThan(24.32);
  });
});

describe('what changes logits', () => {
  const history = new TokenHistory([0, 1, 1]);
  for (const token of [2, 2, 3]) history.add(token);
  const row = Float32Array.of(4, -4, 4, 4, 4, 3.9);
  const mask = countedMask(emptyMask(row.length));
  const greedy = (sampling: Partial<Sampling>, own = row) =>
    new TokenSampler(own.length).choose(own, {
      sampling: { ...plainSampling, ...sampling },
      history,
      mask: undefined,
      random: () => 0,
    });

  it('takes presence once, frequency for each time, and neither for the prompt', () => {
    expect(greedy({ presencePenalty: 1 })).toBe(0);
    expect(greedy({ presencePenalty: 1 }, Float32Array.of(0, 0, 3.5, 3.6, 2.7))).toBe(4);
    // 4 − 2 × 0.3 against 3.9 − 0.3 and 3.5.
    expect(greedy({ frequencyPenalty: 0.3 }, Float32Array.of(0, 0, 4, 3.9, 3.5))).toBe(3);
  });

  it('divides what is positive and multiplies what is negative, in prompt and answer', () => {
    expect(greedy({ repetitionPenalty: 2 })).toBe(4);
    expect(greedy({ repetitionPenalty: 1.01 }, Float32Array.of(-4, -4, -4, -4, -4.03))).toBe(4);
  });

  it('adds bias before penalties', () => {
    const logitBias = new Map([[1, 9]]);
    // −4 + 9 = 5, halved: 2.5. Had it been penalised first: −8 + 9 = 1.
    const own = Float32Array.of(0, -4, 0, 0, 2);
    expect(greedy({ logitBias, repetitionPenalty: 2 }, own)).toBe(1);
    expect(greedy({ logitBias: new Map([[5, 0.2]]) })).toBe(5);
  });

  it('chooses within the mask only, whatever the bias', () => {
    const words = emptyMask(row.length);
    allow(words, 1);
    allow(words, 5);
    const choose = (sampling: Sampling) =>
      new TokenSampler(row.length).choose(row, {
        sampling,
        history,
        mask: countedMask(words),
        random: () => 0.99,
      });
    expect(choose(plainSampling)).toBe(5);
    expect(choose({ ...plainSampling, logitBias: new Map([[0, 100]]) })).toBe(5);
    expect([1, 5]).toContain(choose({ ...plain, temperature: 50 }));
    expect(mask.count).toBe(0);
  });

  it('leaves the logits and the other rows as they are', () => {
    const sampler = new TokenSampler(6);
    const all = { ...plain, repetitionPenalty: 1.3, frequencyPenalty: 0.4, topP: 0.9, topK: 4 };
    const choose = (own: Float32Array, uniform: number, sampling = all) =>
      sampler.choose(own, { sampling, history, mask: undefined, random: () => uniform });
    const alone = choose(row, 0.4);
    choose(Float32Array.of(9, 1, Number.POSITIVE_INFINITY, 0, Number.NaN, 1), 0.9, { ...plain, topP: 0.5 });
    expect(choose(row, 0.4)).toBe(alone);
    expect([...row]).toEqual([...Float32Array.of(4, -4, 4, 4, 4, 3.9)]);
  });
});
