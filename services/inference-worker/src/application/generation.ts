import { DomainError } from '@openledger/kernel';
import type { TokenLogprobs } from '../domain/log-probabilities.js';
import type { Sampling } from '../domain/sampling.js';

/** Where an adapter's files lie, and how what was found is checked. */
export interface AdapterReference {
  readonly digest: string;
  readonly configBlob: string;
  readonly weightsBlob: string;
}

export interface GenerationRequest {
  readonly promptTokens: readonly number[];
  /** Absent for the base model alone. */
  readonly adapter?: AdapterReference;
  readonly sampling: Sampling;
}

export interface GenerationPiece {
  readonly tokens: readonly number[];
  /** Text of those tokens as far as it is certain. */
  readonly text: string;
  /** One for each of the tokens where asked for, else none. */
  readonly logprobs: readonly TokenLogprobs[];
  /** Empty until the last piece. */
  readonly finishReason: '' | 'stop' | 'length';
  /** Of the weights that were used; empty for the base alone. */
  readonly adapterDigest: string;
}

/** @throws DomainError PROMPT_EMPTY, TOKEN_UNKNOWN, CONTEXT_LENGTH_EXCEEDED */
export function checkPrompt(
  tokens: readonly number[],
  limits: { readonly vocabSize: number; readonly contextTokens: number },
): void {
  const { vocabSize, contextTokens } = limits;
  if (tokens.length === 0) throw new DomainError('invalid', 'PROMPT_EMPTY', 'The prompt has no tokens.');
  if (tokens.length >= contextTokens) {
    throw new DomainError(
      'invalid',
      'CONTEXT_LENGTH_EXCEEDED',
      `The prompt has ${tokens.length} tokens and the context holds ${contextTokens}: shorten it.`,
    );
  }
  const unknown = tokens.find((token) => token >= vocabSize);
  if (unknown !== undefined) {
    const message = `Token ${unknown} is not in the vocabulary of ${vocabSize}.`;
    throw new DomainError('invalid', 'TOKEN_UNKNOWN', message);
  }
}
