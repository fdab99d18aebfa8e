import { checkSampling, plainSampling, type Sampling } from './sampling.js';

const VOCABULARY = 100;
const check = (sampling: Partial<Sampling>) => () =>
  checkSampling({ ...plainSampling, ...sampling }, VOCABULARY);

describe('checkSampling', () => {
  it('takes the ends of every range', () => {
    expect(check({})).not.toThrow();
    const least = { temperature: 0.001, topP: 1e-9, minP: 0, presencePenalty: -2, frequencyPenalty: -2 };
    expect(check({ ...least, repetitionPenalty: 0.01, logitBias: new Map([[0, -100]]) })).not.toThrow();
    const most = { temperature: 100, topP: 1, minP: 1, presencePenalty: 2, frequencyPenalty: 2, topK: 1e9 };
    expect(
      check({ ...most, repetitionPenalty: 10, logitBias: new Map([[99, 100]]), topLogprobs: 20 }),
    ).not.toThrow();
  });

  it.each<[string, Partial<Sampling>]>([
    ['temperature', { temperature: -1 }],
    ['temperature', { temperature: 1e-9 }],
    ['temperature', { temperature: Number.NaN }],
    ['temperature', { temperature: Number.POSITIVE_INFINITY }],
    ['top_p', { topP: 1.01 }],
    ['top_p', { topP: -0.1 }],
    ['top_k', { topK: -1 }],
    ['top_k', { topK: 1.5 }],
    ['min_p', { minP: 1.1 }],
    ['presence_penalty', { presencePenalty: 2.1 }],
    ['frequency_penalty', { frequencyPenalty: Number.NaN }],
    ['repetition_penalty', { repetitionPenalty: -1 }],
    ['logit_bias', { logitBias: new Map([[VOCABULARY, 1]]) }],
    ['logit_bias', { logitBias: new Map([[1, 101]]) }],
    ['logit_bias', { logitBias: new Map([[1, Number.NaN]]) }],
    ['stop', { stop: Array.from({ length: 17 }, String) }],
    ['stop', { stop: ['x'.repeat(1_001)] }],
    ['top_logprobs', { topLogprobs: 21 }],
    ['ignore_eos', { ignoreEos: true, jsonSchema: '{}' }],
  ])('refuses a wrong %s by name', (param, sampling) => {
    expect(check(sampling)).toThrow(
      expect.objectContaining({ code: 'SAMPLING_INVALID', details: { param } }),
    );
  });

  it('refuses more biases than anyone needs', () => {
    const logitBias = new Map(Array.from({ length: 1_025 }, (_, token) => [token, 1]));
    expect(() => checkSampling({ ...plainSampling, logitBias }, 10_000)).toThrow('at most 1024 tokens');
  });
});
