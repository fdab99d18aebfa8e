import { Defaults } from './defaults.js';
import { refuseUnsupported, samplingOf } from './parameters.js';

const refused = (param: string) =>
  expect.objectContaining({ code: 'UNSUPPORTED_PARAMETER', details: { param } });

describe('refuseUnsupported', () => {
  it('refuses what would change the answer', () => {
    for (const [param, value] of [
      ['n', 2],
      ['tools', [{ type: 'function' }]],
      ['logprobs', true],
      ['logprobs', 0],
      ['response_format', { type: 'json_schema' }],
      ['frequency_penalty', 0.5],
      ['suffix', 'end'],
    ] as const) {
      expect(() => refuseUnsupported({ model: 'm', [param]: value })).toThrow(refused(param));
    }
  });

  it('lets neutral values and harmless parameters pass', () => {
    const neutral = { n: 1, tools: [], logprobs: false, response_format: { type: 'text' }, suffix: null };
    expect(() => refuseUnsupported({ ...neutral, store: true, metadata: { a: 'b' } })).not.toThrow();
  });
});

const none = new Defaults({});

describe('samplingOf', () => {
  it('prefers the newer name, folds seeds into 32 bits and takes one stop string', () => {
    const parameters = {
      model: 'm',
      max_tokens: 5,
      max_completion_tokens: 7,
      seed: -1,
      stop: 'END',
      top_k: -1,
    };
    expect(samplingOf(parameters, none)).toEqual({
      maxTokens: 7,
      temperature: 1,
      topP: 1,
      topK: 0,
      seed: 2 ** 32 - 1,
      stop: ['END'],
    });
  });

  it('takes what the model recommends where the caller says nothing', () => {
    const recommended = new Defaults({ temperature: 0.7, topP: 0.9 });
    expect(samplingOf({ model: 'm', temperature: 0 }, recommended)).toMatchObject({
      temperature: 0,
      topP: 0.9,
      topK: 0,
    });
  });

  it('draws a seed where none is given', () => {
    const seeds = Array.from({ length: 8 }, () => samplingOf({ model: 'm' }, none).seed);
    expect(new Set(seeds).size).toBeGreaterThan(1);
  });
});
