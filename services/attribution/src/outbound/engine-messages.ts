import type { ErrorKind } from '@openledger/kernel';
import type {
  AnswerOrder,
  AuditOrder,
  AuditReport,
  IndexProgress,
  IndexSummary,
  ModelVersion,
  Replay,
  ReplayOrder,
  ScoreOutcome,
} from '../application/ports.js';

/** What the engine's thread is started with. */
export interface EngineOptions {
  readonly blobDir: string;
  readonly modelDir: string;
  readonly threads: number;
  readonly tokensMax: number;
  readonly recordsMax: number;
}

/** Orders and what each is answered by. */
export interface EngineWork {
  readonly index: { readonly order: ModelVersion; readonly result: IndexSummary };
  readonly score: { readonly order: readonly AnswerOrder[]; readonly result: readonly ScoreOutcome[] };
  readonly audit: { readonly order: AuditOrder; readonly result: AuditReport };
  readonly replay: { readonly order: ReplayOrder; readonly result: Replay };
}

export type EngineOrder = {
  readonly [K in keyof EngineWork]: { readonly kind: K; readonly order: EngineWork[K]['order'] };
}[keyof EngineWork];

export type EngineResult = EngineWork[keyof EngineWork]['result'];

export type EngineAnswer =
  | { readonly kind: 'progress'; readonly progress: IndexProgress }
  /** To the order that was sent last. */
  | { readonly kind: 'done'; readonly result: EngineResult }
  | {
      readonly kind: 'refused';
      readonly errorKind: ErrorKind;
      readonly code: string;
      readonly message: string;
    }
  /** Not the order's fault: the thread stays, the order is tried again. */
  | { readonly kind: 'broke'; readonly error: Error };
