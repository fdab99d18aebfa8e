import { DomainError } from '@openledger/kernel';

export interface Sampling {
  readonly maxTokens: number;
  /** 0 is greedy. */
  readonly temperature: number;
  /** 1 is off. */
  readonly topP: number;
  /** 0 is off. */
  readonly topK: number;
  /** Share of the likeliest token's probability; 0 is off. */
  readonly minP: number;
  /** Unsigned 32 bits. */
  readonly seed: number;
  readonly stop: readonly string[];
  /** Taken from the logit of each token that the answer has; 0 is off. */
  readonly presencePenalty: number;
  /** Taken for each time that the answer has the token; 0 is off. */
  readonly frequencyPenalty: number;
  /** Factor on logits of tokens in prompt and answer; 1 is off. */
  readonly repetitionPenalty: number;
  /** Added to the logits of tokens, by id. */
  readonly logitBias: Readonly<Record<number, number>>;
  /** Absent: no log-probabilities. Else that of each token, and of so many of the likeliest beside it. */
  readonly topLogprobs?: number;
  /** Text of a JSON Schema that the answer satisfies; empty for free text. */
  readonly jsonSchema: string;
  /** Go on after an end-of-sequence token. */
  readonly ignoreEos: boolean;
}

/** Bounds on what a caller may ask for. */
export const samplingLimits = {
  stopStrings: 8,
  stopCharacters: 256,
  temperature: 2,
  /** Either way. */
  penalty: 2,
  repetitionPenalty: 10,
  /** Either way: enough to force or forbid a token. */
  logitBias: 100,
  logitBiasTokens: 1_024,
  topLogprobs: 20,
  jsonSchemaCharacters: 65_536,
} as const;

const UINT32 = 2 ** 32;

/** Seeds are unsigned 32-bit numbers; any other integer is folded into one. */
export const foldSeed = (seed: number): number => ((seed % UINT32) + UINT32) % UINT32;

/** Of several choices each is drawn by a seed of its own; the first by the one that was given. */
export const samplingOfChoice = (sampling: Sampling, choice: number): Sampling => ({
  ...sampling,
  seed: foldSeed(sampling.seed + choice),
});

/**
 * How many tokens an answer may have: what was asked for, cut to what the context still holds.
 *
 * @throws DomainError CONTEXT_LENGTH_EXCEEDED when the prompt leaves no room for one token
 */
export function completionLimit(asked: number, promptTokens: number, contextTokens: number): number {
  const room = contextTokens - promptTokens;
  if (room >= 1) return Math.min(asked, room);
  throw contextLengthExceeded(promptTokens, contextTokens);
}

export const contextLengthExceeded = (promptTokens: number, contextTokens: number): DomainError =>
  new DomainError(
    'invalid',
    'CONTEXT_LENGTH_EXCEEDED',
    `The context of this model holds ${contextTokens} tokens, and the prompt alone has ${promptTokens}: shorten it.`,
    { details: { contextTokens, promptTokens } },
  );
