import { randomInt } from 'node:crypto';
import { DomainError } from '@openledger/kernel';
import { z } from 'zod';
import { foldSeed, type Sampling, samplingLimits } from '../../domain/sampling.js';
import type { Delivery } from './answer-writer.js';
import type { Defaults } from './defaults.js';
import { jsonSchemaOf, responseFormat } from './response-format.js';

const COMPLETION_TOKENS_DEFAULT = 256;
const COMPLETION_TOKENS_MAX = 1_000_000;
const CHOICES_MAX = 8;
const UINT32 = 2 ** 32;

const stopString = z.string().min(1).max(samplingLimits.stopCharacters);
const penalty = z.number().min(-samplingLimits.penalty).max(samplingLimits.penalty);
const bias = z.number().min(-samplingLimits.logitBias).max(samplingLimits.logitBias);

/** Parameters that `/v1/chat/completions` and `/v1/completions` share; OpenAI lets each be null. */
export const commonParameters = {
  model: z.string().min(1).max(512),
  n: z.int().min(1).max(CHOICES_MAX).nullish(),
  max_tokens: z.int().min(1).max(COMPLETION_TOKENS_MAX).nullish(),
  max_completion_tokens: z.int().min(1).max(COMPLETION_TOKENS_MAX).nullish(),
  temperature: z.number().min(0).max(samplingLimits.temperature).nullish(),
  top_p: z.number().gt(0).max(1).nullish(),
  presence_penalty: penalty.nullish(),
  frequency_penalty: penalty.nullish(),
  logit_bias: z
    .record(z.string().regex(/^\d{1,7}$/, 'a token id'), bias)
    .refine((biases) => Object.keys(biases).length <= samplingLimits.logitBiasTokens, {
      error: `at most ${samplingLimits.logitBiasTokens} tokens`,
    })
    .nullish(),
  seed: z.int().nullish(),
  stop: z.union([stopString, z.array(stopString).max(samplingLimits.stopStrings)]).nullish(),
  response_format: responseFormat.nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
  user: z.string().max(512).nullish(),
  // Not in OpenAI's API; these are vLLM's names.
  top_k: z.int().min(-1).max(1_000_000).nullish(),
  min_p: z.number().min(0).max(1).nullish(),
  repetition_penalty: z.number().gt(0).max(samplingLimits.repetitionPenalty).nullish(),
  ignore_eos: z.boolean().nullish(),
};

type CommonParameters = z.infer<z.ZodObject<typeof commonParameters>>;

/** @param topLogprobs as the route words it */
export function samplingOf(
  parameters: CommonParameters,
  defaults: Defaults,
  topLogprobs?: number | undefined,
): Sampling {
  const { seed, stop } = parameters;
  return {
    maxTokens: parameters.max_completion_tokens ?? parameters.max_tokens ?? COMPLETION_TOKENS_DEFAULT,
    temperature: parameters.temperature ?? defaults.temperature,
    topP: parameters.top_p ?? defaults.topP,
    topK: Math.max(0, parameters.top_k ?? defaults.topK),
    minP: parameters.min_p ?? 0,
    seed: typeof seed === 'number' ? foldSeed(seed) : randomInt(UINT32),
    stop: typeof stop === 'string' ? [stop] : (stop ?? []),
    presencePenalty: parameters.presence_penalty ?? 0,
    frequencyPenalty: parameters.frequency_penalty ?? 0,
    repetitionPenalty: parameters.repetition_penalty ?? 1,
    logitBias: parameters.logit_bias ?? {},
    ...(topLogprobs === undefined ? {} : { topLogprobs }),
    jsonSchema: jsonSchemaOf(parameters.response_format),
    ignoreEos: parameters.ignore_eos ?? false,
  };
}

export const deliveryOf = ({ stream, stream_options }: CommonParameters): Delivery => ({
  stream: stream ?? false,
  includeUsage: stream_options?.include_usage ?? false,
});

const isEmpty = (value: unknown): boolean =>
  (Array.isArray(value) && value.length === 0) ||
  (typeof value === 'object' && value !== null && Object.keys(value).length === 0);

/** Parameters that would change the answer and are not there, each with the values under which it would not. */
const UNSUPPORTED: Readonly<Record<string, (value: unknown) => boolean>> = {
  best_of: (value) => value === 1,
  echo: (value) => value === false,
  suffix: (value) => value === '',
  prompt_logprobs: () => false,
  min_tokens: (value) => value === 0,
  tools: isEmpty,
  tool_choice: (value) => value === 'none' || value === 'auto',
  functions: isEmpty,
  function_call: (value) => value === 'none' || value === 'auto',
  modalities: (value) => Array.isArray(value) && value.every((item) => item === 'text'),
  audio: () => false,
  web_search_options: () => false,
};

/**
 * Refuses what is no object, and what would silently be ignored.
 *
 * @throws DomainError BODY_MISSING, UNSUPPORTED_PARAMETER
 */
export function checkBody(body: unknown): void {
  if (body === undefined) {
    const message = 'Send a JSON object with the header "content-type: application/json".';
    throw new DomainError('invalid', 'BODY_MISSING', message);
  }
  if (typeof body !== 'object' || body === null) return;
  for (const [param, value] of Object.entries(body)) {
    if (value === null || value === undefined || !Object.hasOwn(UNSUPPORTED, param)) continue;
    if (UNSUPPORTED[param]?.(value)) continue;
    throw new DomainError(
      'invalid',
      'UNSUPPORTED_PARAMETER',
      `This API does not support this value of "${param}": leave it out.`,
      { details: { param } },
    );
  }
}
