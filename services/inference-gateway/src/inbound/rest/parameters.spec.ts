import { z } from 'zod';
import { Defaults } from './defaults.js';
import { checkBody, commonParameters, samplingOf } from './parameters.js';

const refused = (param: string) =>
  expect.objectContaining({ code: 'UNSUPPORTED_PARAMETER', details: { param } });

describe('checkBody', () => {
  it('refuses what would change the answer', () => {
    for (const [param, value] of [
      ['best_of', 2],
      ['echo', true],
      ['tools', [{ type: 'function' }]],
      ['prompt_logprobs', 1],
      ['suffix', 'end'],
    ] as const) {
      expect(() => checkBody({ model: 'm', [param]: value })).toThrow(refused(param));
    }
  });

  it('lets neutral values and harmless parameters pass', () => {
    const neutral = { best_of: 1, tools: [], echo: false, suffix: null };
    expect(() => checkBody({ ...neutral, store: true, metadata: { a: 'b' } })).not.toThrow();
  });

  it('says how to send a body where there is none', () => {
    expect(() => checkBody(undefined)).toThrow(expect.objectContaining({ code: 'BODY_MISSING' }));
  });
});

const Parameters = z.object(commonParameters);
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
      minP: 0,
      seed: 2 ** 32 - 1,
      stop: ['END'],
      presencePenalty: 0,
      frequencyPenalty: 0,
      repetitionPenalty: 1,
      logitBias: {},
      jsonSchema: '',
      ignoreEos: false,
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

  it('asks for JSON of a schema, of any object, or for free text', () => {
    const schemaOf = (response_format: unknown) =>
      samplingOf(Parameters.parse({ model: 'm', response_format }), none).jsonSchema;
    expect(schemaOf({ type: 'text' })).toBe('');
    expect(schemaOf({ type: 'json_object' })).toBe('{"type":"object"}');
    const schema = { type: 'array', items: { type: 'integer' } };
    const json_schema = { name: 'numbers', schema, strict: true };
    expect(schemaOf({ type: 'json_schema', json_schema })).toBe(JSON.stringify(schema));
    const long = { name: 'long', schema: { enum: ['x'.repeat(70_000)] } };
    expect(() => schemaOf({ type: 'json_schema', json_schema: long })).toThrow(
      expect.objectContaining({ code: 'JSON_SCHEMA_INVALID', details: { param: 'response_format' } }),
    );
  });

  it('refuses numbers out of bounds, naming the parameter', () => {
    for (const [param, value] of [
      ['n', 9],
      ['n', 0],
      ['max_tokens', 10 ** 9],
      ['presence_penalty', 2.1],
      ['repetition_penalty', 0],
      ['min_p', -0.1],
      ['logit_bias', { 5: 101 }],
      ['logit_bias', { word: 1 }],
      ['logit_bias', Object.fromEntries(Array.from({ length: 1_025 }, (_, token) => [token, 1]))],
    ] as const) {
      const { error } = Parameters.safeParse({ model: 'm', [param]: value });
      expect(error?.issues[0]?.path[0]).toBe(param);
    }
  });

  it('draws a seed where none is given', () => {
    const seeds = Array.from({ length: 8 }, () => samplingOf({ model: 'm' }, none).seed);
    expect(new Set(seeds).size).toBeGreaterThan(1);
  });
});
