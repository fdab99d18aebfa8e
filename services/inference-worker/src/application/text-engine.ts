import type { LoadedAdapter } from './adapter-messages.js';
import type { BaseFacts, EngineLoad } from './engine-messages.js';
import type { AdapterReference, EmbeddingRequest, GenerationPiece, GenerationRequest } from './generation.js';

/** Generates text and embeds it, many requests at a time. */
export interface TextEngine {
  readonly base: BaseFacts;
  readonly load: EngineLoad;
  /**
   * Aborting the signal, or leaving the iteration, frees the request's place within one step.
   *
   * @throws DomainError OVERLOADED, READER_TOO_SLOW, ADAPTER_UNAVAILABLE, ENGINE_UNAVAILABLE
   */
  generate(request: GenerationRequest, signal: AbortSignal): AsyncIterable<GenerationPiece>;
  /** The mean of the final hidden states over the tokens, of length 1. @throws as {@link generate} */
  embed(request: EmbeddingRequest, signal: AbortSignal): Promise<Float32Array>;
  /** Ends the runs of a request within one step; their last pieces still come. */
  stopRun(requestId: string): void;
}

export interface AdapterSource {
  /** Checked weights of exactly the digest asked for, not kept. @throws DomainError ADAPTER_UNAVAILABLE */
  load(reference: AdapterReference): Promise<LoadedAdapter>;
}

/** Which adapters are in memory, beyond what requests bring about by themselves. */
export interface AdapterControl {
  /** Fetches it soon; a failure is told to those who then use it. */
  prefetch(adapter: AdapterReference): void;
  /** Keeps it in memory, or no longer. @throws DomainError ADAPTER_UNAVAILABLE, ADAPTER_PINS_FULL */
  pin(adapter: AdapterReference, pinned: boolean): Promise<void>;
  /** Resolves when no request uses it and it is gone. Requests from now on load it anew. */
  unload(digest: string): Promise<void>;
}
