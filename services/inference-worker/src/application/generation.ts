import { DomainError } from '@openledger/kernel';
import type { TokenLogprobs } from '../domain/log-probabilities.js';
import type { Sampling } from '../domain/sampling.js';

/** Where an adapter's files lie, and how what was found is checked. */
export interface AdapterReference {
  readonly digest: string;
  readonly configBlob: string;
  readonly weightsBlob: string;
}

export interface WeightedReference {
  readonly reference: AdapterReference;
  /** Factor on what the adapter adds. */
  readonly weight: number;
}

export interface RequestOrigin {
  /** By which runs are stopped; empty where nobody will. */
  readonly requestId: string;
  /** Whom it is for: turns and cached prefixes are the tenant's. All without one share the empty tenant. */
  readonly tenant: string;
  /** Added up, in this order; none for the base model alone. */
  readonly adapters: readonly WeightedReference[];
}

export interface GenerationRequest extends RequestOrigin {
  readonly promptTokens: readonly number[];
  readonly sampling: Sampling;
}

export interface EmbeddingRequest extends RequestOrigin {
  readonly tokens: readonly number[];
}

/** Most adapters added up for one request. */
export const ADAPTERS_MAX = 4;

/** Largest factor on what an adapter adds: beyond, answers are noise. */
export const ADAPTER_WEIGHT_MAX = 8;

/** Most inputs of one request for embeddings. */
export const EMBED_INPUTS_MAX = 256;

export interface GenerationPiece {
  readonly tokens: readonly number[];
  /** Text of those tokens as far as it is certain. */
  readonly text: string;
  /** One for each of the tokens where asked for, else none. */
  readonly logprobs: readonly TokenLogprobs[];
  /** Empty until the last piece. */
  readonly finishReason: '' | 'stop' | 'length' | 'cancelled';
  /** Of the weights that were used, in the order asked for; empty for the base alone. */
  readonly adapterDigests: readonly string[];
  /** Prompt tokens whose keys and values were there already. */
  readonly cachedTokens: number;
  /** Milliseconds between arrival and the first step, where they are known. */
  readonly waitedMs?: number;
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
