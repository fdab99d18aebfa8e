import type { ErrorKind } from '@openledger/kernel';
import type {
  AnswerOrder,
  IndexProgress,
  IndexSummary,
  ModelVersion,
  ScoredAnswer,
} from '../application/ports.js';

/** What the engine's thread is started with. */
export interface EngineOptions {
  readonly blobDir: string;
  readonly modelDir: string;
  readonly threads: number;
  readonly tokensMax: number;
  readonly recordsMax: number;
}

export type EngineOrder =
  | { readonly kind: 'index'; readonly version: ModelVersion }
  | { readonly kind: 'score'; readonly order: AnswerOrder };

export type EngineAnswer =
  | { readonly kind: 'progress'; readonly progress: IndexProgress }
  | { readonly kind: 'indexed'; readonly index: IndexSummary }
  | { readonly kind: 'scored'; readonly score: ScoredAnswer }
  | {
      readonly kind: 'refused';
      readonly errorKind: ErrorKind;
      readonly code: string;
      readonly message: string;
    }
  /** Not the order's fault: the thread stays, the order is tried again. */
  | { readonly kind: 'broke'; readonly error: Error };
