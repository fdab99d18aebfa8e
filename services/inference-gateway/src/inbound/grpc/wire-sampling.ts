import { DomainError } from '@openledger/kernel';
import { z } from 'zod';
import { type Sampling, samplingLimits } from '../../domain/sampling.js';

const COMPLETION_TOKENS_DEFAULT = 64;

const penalty = z.number().min(-samplingLimits.penalty).max(samplingLimits.penalty);
const biases = z.record(z.string(), z.number().min(-samplingLimits.logitBias).max(samplingLimits.logitBias));

/** The contract's `Sampling`; 0 is a default or off, as it says there. */
export const wireSampling = z.object({
  maxTokens: z.int(),
  temperature: z.number().min(0).max(samplingLimits.temperature),
  topP: z.number().min(0).max(1),
  topK: z.int(),
  minP: z.number().min(0).max(1),
  seed: z.int(),
  stop: z.array(z.string().min(1).max(samplingLimits.stopCharacters)).max(samplingLimits.stopStrings),
  presencePenalty: penalty,
  frequencyPenalty: penalty,
  repetitionPenalty: z.number().min(0).max(samplingLimits.repetitionPenalty),
  logitBias: biases.refine((all) => Object.keys(all).length <= samplingLimits.logitBiasTokens, {
    error: `at most ${samplingLimits.logitBiasTokens} tokens`,
  }),
  topLogprobs: z.int().max(samplingLimits.topLogprobs).optional(),
  jsonSchema: z.string().max(samplingLimits.jsonSchemaCharacters),
  ignoreEos: z.boolean(),
});

/** What holds where a caller says nothing: greedy free text. */
export const plainSampling: Sampling = {
  maxTokens: COMPLETION_TOKENS_DEFAULT,
  temperature: 0,
  topP: 1,
  topK: 0,
  minP: 0,
  seed: 0,
  stop: [],
  presencePenalty: 0,
  frequencyPenalty: 0,
  repetitionPenalty: 1,
  logitBias: {},
  jsonSchema: '',
  ignoreEos: false,
};

/** @throws DomainError JSON_SCHEMA_INVALID */
export function toSampling(wire: z.infer<typeof wireSampling> | undefined): Sampling {
  if (wire === undefined) return plainSampling;
  const { maxTokens, topP, repetitionPenalty, topLogprobs, ...rest } = wire;
  checkJson(wire.jsonSchema);
  return {
    ...rest,
    maxTokens: maxTokens || COMPLETION_TOKENS_DEFAULT,
    topP: topP || 1,
    repetitionPenalty: repetitionPenalty || 1,
    ...(topLogprobs === undefined ? {} : { topLogprobs }),
  };
}

function checkJson(schema: string): void {
  if (schema === '') return;
  try {
    JSON.parse(schema);
  } catch {
    throw new DomainError('invalid', 'JSON_SCHEMA_INVALID', 'The JSON Schema is not JSON.', {
      details: { param: 'json_schema' },
    });
  }
}
