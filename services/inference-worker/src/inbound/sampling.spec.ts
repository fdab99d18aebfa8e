import { Sampling as WireSampling } from '@openledger/contracts';
import { plainSampling } from '../domain/sampling.js';
import { toSampling, toWireLogprobs } from './sampling.js';

const wire = (sampling: Partial<WireSampling>) => toSampling(WireSampling.fromPartial(sampling), 1_000);

describe('toSampling', () => {
  it('takes nothing for what the contract says it means', () => {
    expect(toSampling(undefined, 1_000)).toEqual(plainSampling);
    expect(wire({})).toEqual(plainSampling);
    expect(wire({ stop: ['', 'x'] }).stop).toEqual(['x']);
  });

  it('takes everything that is said', () => {
    const asked = {
      maxTokens: 7,
      temperature: 0.5,
      topP: 0.9,
      topK: 4,
      minP: 0.1,
      presencePenalty: 0.5,
      frequencyPenalty: -0.5,
      repetitionPenalty: 1.2,
      seed: 9,
      topLogprobs: 0,
      jsonSchema: '{"type":"null"}',
      stop: ['x'],
      ignoreEos: false,
    };
    expect(wire({ ...asked, logitBias: { 5: -1, 999: 100 } })).toEqual({
      ...asked,
      logitBias: new Map([
        [5, -1],
        [999, 100],
      ]),
    });
    expect(wire({ ignoreEos: true }).ignoreEos).toBe(true);
  });

  it('refuses by the name of the parameter', () => {
    const refused = (param: string) =>
      expect.objectContaining({ code: 'SAMPLING_INVALID', details: { param } });
    expect(() => wire({ topP: 2 })).toThrow(refused('top_p'));
    expect(() => wire({ logitBias: { 1000: 1 } })).toThrow(refused('logit_bias'));
    expect(() => wire({ jsonSchema: '{"type":"strnig"}' })).toThrow(
      expect.objectContaining({ code: 'JSON_SCHEMA_INVALID', details: { param: 'json_schema' } }),
    );
  });

  it('tells probabilities as the wire has them', () => {
    expect(toWireLogprobs([{ token: 1, logprob: -0.5, top: [{ token: 2, logprob: -0.1 }] }])).toEqual([
      { token: 1, logprob: -0.5, top: [{ token: 2, logprob: -0.1, top: [] }] },
    ]);
  });
});
