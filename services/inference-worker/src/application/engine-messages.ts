import type { ErrorKind } from '@openledger/kernel';
import type { ModelConfig, Packing } from '@openledger/transformer';
import type { Sampling } from '../domain/sampling.js';
import type { AdapterLoad, AdapterOrder, AdapterReport } from './adapter-messages.js';
import type { AdapterReference, GenerationPiece } from './generation.js';

/** A DomainError on its way between threads; anything else that went wrong has the kind `internal`. */
export interface PlainError {
  readonly kind: ErrorKind | 'internal';
  readonly code: string;
  readonly message: string;
}

/** What the engine's thread is asked. */
export type EngineOrder =
  | {
      readonly kind: 'generate';
      readonly id: number;
      readonly promptTokens: readonly number[];
      readonly adapter: AdapterReference | undefined;
      readonly sampling: Sampling;
    }
  | { readonly kind: 'cancel'; readonly id: number }
  | AdapterOrder;

export interface BaseFacts {
  readonly name: string;
  readonly digest: string;
  readonly config: ModelConfig;
  readonly contextTokens: number;
  /** The form in which adapters are taken in. */
  readonly packing: Packing;
}

export interface EngineLoad {
  /** Requests whose prompt or answer is being computed. */
  readonly running: number;
  /** Requests that wait for a row or for their adapter. */
  readonly waiting: number;
  readonly adapters: AdapterLoad;
}

/** What the engine's thread tells. */
export type EngineReport =
  | { readonly kind: 'ready'; readonly base: BaseFacts }
  | { readonly kind: 'piece'; readonly id: number; readonly piece: GenerationPiece }
  | { readonly kind: 'failed'; readonly id: number; readonly error: PlainError }
  | AdapterReport
  | { readonly kind: 'load'; readonly load: EngineLoad };
