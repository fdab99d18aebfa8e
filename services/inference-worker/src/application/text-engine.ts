import type { ServedAdapter } from '@openledger/transformer';
import type { BaseFacts, EngineLoad } from './engine-messages.js';
import type { AdapterReference, GenerationPiece, GenerationRequest } from './generation.js';

/** Generates text, many requests at a time. */
export interface TextEngine {
  readonly base: BaseFacts;
  readonly load: EngineLoad;
  /**
   * Aborting the signal, or leaving the iteration, frees the request's place within one step.
   *
   * @throws DomainError OVERLOADED, ADAPTER_UNAVAILABLE, ENGINE_UNAVAILABLE
   */
  generate(request: GenerationRequest, signal: AbortSignal): AsyncIterable<GenerationPiece>;
}

export interface AdapterSource {
  /** Checked weights of exactly the digest asked for, not kept. @throws DomainError ADAPTER_UNAVAILABLE */
  load(reference: AdapterReference): Promise<ServedAdapter>;
}
