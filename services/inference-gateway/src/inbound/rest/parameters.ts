import { randomInt } from 'node:crypto';
import { DomainError } from '@openledger/kernel';
import { z } from 'zod';
import {
  type Sampling,
  STOP_CHARACTERS_MAX,
  STOP_STRINGS_MAX,
  TEMPERATURE_MAX,
} from '../../domain/sampling.js';
import type { Delivery } from './answer-writer.js';
import type { Defaults } from './defaults.js';

const COMPLETION_TOKENS_DEFAULT = 256;
const COMPLETION_TOKENS_MAX = 1_000_000;
const UINT32 = 2 ** 32;

const stopString = z.string().min(1).max(STOP_CHARACTERS_MAX);

/** Parameters that `/v1/chat/completions` and `/v1/completions` share; OpenAI lets each be null. */
export const commonParameters = {
  model: z.string().min(1).max(512),
  max_tokens: z.int().min(1).max(COMPLETION_TOKENS_MAX).nullish(),
  max_completion_tokens: z.int().min(1).max(COMPLETION_TOKENS_MAX).nullish(),
  temperature: z.number().min(0).max(TEMPERATURE_MAX).nullish(),
  top_p: z.number().gt(0).max(1).nullish(),
  /** Not in OpenAI's API; vLLM's name for it. */
  top_k: z.int().min(-1).max(1_000_000).nullish(),
  seed: z.int().nullish(),
  stop: z.union([stopString, z.array(stopString).max(STOP_STRINGS_MAX)]).nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
  user: z.string().max(512).nullish(),
};

type CommonParameters = z.infer<z.ZodObject<typeof commonParameters>>;

export function samplingOf(parameters: CommonParameters, defaults: Defaults): Sampling {
  const { seed, stop } = parameters;
  return {
    maxTokens: parameters.max_completion_tokens ?? parameters.max_tokens ?? COMPLETION_TOKENS_DEFAULT,
    temperature: parameters.temperature ?? defaults.temperature,
    topP: parameters.top_p ?? defaults.topP,
    topK: Math.max(0, parameters.top_k ?? defaults.topK),
    seed: typeof seed === 'number' ? ((seed % UINT32) + UINT32) % UINT32 : randomInt(UINT32),
    stop: typeof stop === 'string' ? [stop] : (stop ?? []),
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
  n: (value) => value === 1,
  best_of: (value) => value === 1,
  echo: (value) => value === false,
  suffix: (value) => value === '',
  logprobs: (value) => value === false,
  top_logprobs: (value) => value === 0,
  prompt_logprobs: () => false,
  logit_bias: isEmpty,
  presence_penalty: (value) => value === 0,
  frequency_penalty: (value) => value === 0,
  repetition_penalty: (value) => value === 1,
  min_p: (value) => value === 0,
  tools: isEmpty,
  tool_choice: (value) => value === 'none' || value === 'auto',
  functions: isEmpty,
  function_call: (value) => value === 'none' || value === 'auto',
  response_format: (value) => (value as { type?: unknown }).type === 'text',
  modalities: (value) => Array.isArray(value) && value.every((item) => item === 'text'),
  audio: () => false,
  web_search_options: () => false,
};

/** Refuses what would silently be ignored. @throws DomainError UNSUPPORTED_PARAMETER */
export function refuseUnsupported(body: unknown): void {
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
