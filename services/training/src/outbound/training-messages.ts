import type { ErrorKind } from '@openledger/kernel';
import type { AcceptedRecord } from '../domain/record.js';
import type { RunEvaluation, RunPlan, RunProgress } from '../domain/run.js';

/** What the training process is sent first. */
export interface TrainingOrder {
  readonly plan: RunPlan;
  readonly train: readonly AcceptedRecord[];
  readonly heldOut: readonly AcceptedRecord[];
  readonly modelDir: string;
  /** Checkpoints; a run that was cut short continues from them. */
  readonly workDir: string;
  readonly threads: number;
  readonly checkpointSteps: number;
}

/** What attribution needs to know about the run, next to the adapter itself. */
export interface TrainingLog {
  readonly steps: number;
  readonly learningRateSum: number;
  readonly epsilonRoot: number;
  readonly maxTokens: number;
}

export interface TrainingResult {
  readonly adapterDigest: string;
  readonly adapterConfig: Uint8Array;
  readonly adapterWeights: Uint8Array;
  /** Adam's second moments, bias-corrected, as safetensors under the adapter's tensor names. */
  readonly secondMoments: Uint8Array;
  readonly baseDigest: string;
  readonly baseName: string;
  readonly evaluation: RunEvaluation;
  /** Completion tokens learnt from, per training record; 0 for a record that did not fit. */
  readonly trainedTokens: readonly number[];
  readonly log: TrainingLog;
}

/** What may be sent after it. */
export type StopRequest = 'stop';

export type TrainingAnswer =
  | { readonly kind: 'progress'; readonly progress: RunProgress }
  | { readonly kind: 'trained'; readonly result: TrainingResult }
  | { readonly kind: 'stopped' }
  | {
      readonly kind: 'refused';
      readonly errorKind: ErrorKind;
      readonly code: string;
      readonly message: string;
    };
