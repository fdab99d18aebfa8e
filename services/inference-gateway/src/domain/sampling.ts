import { DomainError } from '@openledger/kernel';

export interface Sampling {
  readonly maxTokens: number;
  /** 0 is greedy. */
  readonly temperature: number;
  /** 1 is off. */
  readonly topP: number;
  /** 0 is off. */
  readonly topK: number;
  /** Unsigned 32 bits. */
  readonly seed: number;
  readonly stop: readonly string[];
}

export const STOP_STRINGS_MAX = 8;
export const STOP_CHARACTERS_MAX = 256;
export const TEMPERATURE_MAX = 2;

/**
 * How many tokens an answer may have: what was asked for, cut to what the context still holds.
 *
 * @throws DomainError CONTEXT_LENGTH_EXCEEDED when the prompt leaves no room for one token
 */
export function completionLimit(asked: number, promptTokens: number, contextTokens: number): number {
  const room = contextTokens - promptTokens;
  if (room >= 1) return Math.min(asked, room);
  throw new DomainError(
    'invalid',
    'CONTEXT_LENGTH_EXCEEDED',
    `The context of this model holds ${contextTokens} tokens, and the prompt alone has ${promptTokens}: shorten it.`,
    { details: { contextTokens, promptTokens } },
  );
}
