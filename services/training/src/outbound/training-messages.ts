import type { ErrorKind } from '@openledger/kernel';
import type { TrainingRecipe } from '@openledger/transformer';
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

/** A state on the way, in files of the work folder. */
export interface SavedCheckpoint {
  /** Steps done. */
  readonly step: number;
  readonly tensorsFile: string;
  /** Bias-corrected. */
  readonly secondMomentsFile: string;
}

export interface TrainingResult {
  readonly adapterDigest: string;
  readonly adapterConfig: Uint8Array;
  readonly adapterWeights: Uint8Array;
  readonly baseDigest: string;
  readonly baseName: string;
  readonly evaluation: RunEvaluation;
  /** Completion tokens learnt from, per training record; 0 for a record that did not fit. */
  readonly trainedTokens: readonly number[];
  /** The same of the records kept aside. */
  readonly heldOutTokens: readonly number[];
  readonly recipe: TrainingRecipe;
  readonly runtime: { readonly onnxruntime: string; readonly architecture: string };
  /** The last is of the end. */
  readonly checkpoints: readonly SavedCheckpoint[];
  /** Of each step, before it. */
  readonly losses: Float32Array;
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
