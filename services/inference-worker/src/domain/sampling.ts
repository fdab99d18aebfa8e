import { DomainError } from '@openledger/kernel';

export interface Sampling {
  readonly maxTokens: number;
  /** 0 is greedy. */
  readonly temperature: number;
  /** 1 is off. */
  readonly topP: number;
  /** 0 is off. */
  readonly topK: number;
  /** 0 is off. */
  readonly minP: number;
  /** 0 is off. */
  readonly presencePenalty: number;
  /** 0 is off. */
  readonly frequencyPenalty: number;
  /** 1 is off. */
  readonly repetitionPenalty: number;
  /** Added to the logits of these tokens. */
  readonly logitBias: ReadonlyMap<number, number>;
  /** Unsigned 32 bits. */
  readonly seed: number;
  readonly stop: readonly string[];
  /** How many of the likeliest tokens are told beside the chosen one; undefined tells no probabilities. */
  readonly topLogprobs: number | undefined;
  /** JSON Schema that the answer satisfies; empty for free text. */
  readonly jsonSchema: string;
  /** An end-of-sequence token does not end the answer. */
  readonly ignoreEos: boolean;
}

/** Greedy, without anything else. */
export const plainSampling: Sampling = {
  maxTokens: 64,
  temperature: 0,
  topP: 1,
  topK: 0,
  minP: 0,
  presencePenalty: 0,
  frequencyPenalty: 0,
  repetitionPenalty: 1,
  logitBias: new Map(),
  seed: 0,
  stop: [],
  topLogprobs: undefined,
  jsonSchema: '',
  ignoreEos: false,
};

/** Ranges as OpenAI and vLLM have them; below the least temperature a logit's share overflows. */
const TEMPERATURE_MIN = 1e-3;
const TEMPERATURE_MAX = 100;
const PENALTY_MAX = 2;
const REPETITION_MAX = 10;
const BIAS_MAX = 100;
const BIASES_MAX = 1_024;
const STOPS_MAX = 16;
const STOP_LENGTH_MAX = 1_000;
const TOP_LOGPROBS_MAX = 20;

interface Rule {
  /** As the wire calls it. */
  readonly param: string;
  readonly holds: boolean;
  readonly wanted: string;
}

/** @throws DomainError SAMPLING_INVALID, its `param` the parameter's name */
export function checkSampling(sampling: Sampling, vocabSize: number): void {
  for (const { param, holds, wanted } of rules(sampling, vocabSize)) {
    if (holds) continue;
    throw new DomainError('invalid', 'SAMPLING_INVALID', `${param} must be ${wanted}.`, {
      details: { param },
    });
  }
}

function rules(sampling: Sampling, vocabSize: number): readonly Rule[] {
  const { temperature, topP, topK, minP, repetitionPenalty, logitBias, stop, topLogprobs } = sampling;
  const penalty = (param: string, value: number): Rule => ({
    param,
    holds: Math.abs(value) <= PENALTY_MAX,
    wanted: `from -${PENALTY_MAX} to ${PENALTY_MAX}`,
  });
  return [
    {
      param: 'temperature',
      holds: temperature === 0 || (temperature >= TEMPERATURE_MIN && temperature <= TEMPERATURE_MAX),
      wanted: `0 or from ${TEMPERATURE_MIN} to ${TEMPERATURE_MAX}`,
    },
    { param: 'top_p', holds: topP > 0 && topP <= 1, wanted: 'above 0 and at most 1' },
    { param: 'top_k', holds: Number.isInteger(topK) && topK >= 0, wanted: 'a whole number, 0 or more' },
    { param: 'min_p', holds: minP >= 0 && minP <= 1, wanted: 'from 0 to 1' },
    penalty('presence_penalty', sampling.presencePenalty),
    penalty('frequency_penalty', sampling.frequencyPenalty),
    {
      param: 'repetition_penalty',
      holds: repetitionPenalty > 0 && repetitionPenalty <= REPETITION_MAX,
      wanted: `above 0 and at most ${REPETITION_MAX}`,
    },
    {
      param: 'logit_bias',
      holds:
        logitBias.size <= BIASES_MAX &&
        [...logitBias].every(([token, bias]) => token < vocabSize && Math.abs(bias) <= BIAS_MAX),
      wanted: `of at most ${BIASES_MAX} tokens below ${vocabSize}, each from -${BIAS_MAX} to ${BIAS_MAX}`,
    },
    {
      param: 'stop',
      holds: stop.length <= STOPS_MAX && stop.every((text) => text.length <= STOP_LENGTH_MAX),
      wanted: `at most ${STOPS_MAX} texts of at most ${STOP_LENGTH_MAX} characters`,
    },
    {
      param: 'top_logprobs',
      holds: topLogprobs === undefined || (topLogprobs >= 0 && topLogprobs <= TOP_LOGPROBS_MAX),
      wanted: `from 0 to ${TOP_LOGPROBS_MAX}`,
    },
    {
      param: 'ignore_eos',
      holds: !(sampling.ignoreEos && sampling.jsonSchema !== ''),
      wanted: 'off with a JSON schema, whose value ends the answer',
    },
  ];
}
