import type { EncodedEvent } from '@openledger/contracts';
import type { TrainedRecord } from '../domain/record.js';
import type { RunEvaluation, RunPlan, RunProgress, RunStatus } from '../domain/run.js';

export interface Run {
  readonly id: string;
  readonly modelId: string;
  readonly organisationId: string;
  readonly plan: RunPlan;
  /** Fixed when the run begins: what was accepted when it was created, without what was withdrawn since. */
  readonly contributionIds: readonly string[];
  readonly status: RunStatus;
  readonly progress?: RunProgress;
  readonly evaluation?: RunEvaluation;
  readonly adapterDigest?: string;
  readonly lineageBlob?: string;
  readonly failure?: string;
  readonly createdAt: Date;
}

export interface Datanet {
  readonly id: string;
  readonly name: string;
  readonly licence: string;
  readonly trainingPermitted: boolean;
  readonly commercialPermitted: boolean;
}

export interface AcceptedContribution {
  readonly id: string;
  readonly datanetId: string;
  readonly contributorId: string;
  /** SHA-256 of the accepted records; empty when none was accepted. */
  readonly acceptedBlob: string;
  readonly acceptedCount: number;
}

export interface RunOutcome {
  readonly status: Extract<RunStatus, 'deployed' | 'refused' | 'failed' | 'cancelled'>;
  readonly evaluation?: RunEvaluation;
  readonly adapterDigest?: string;
  readonly lineageBlob?: string;
  readonly failure?: string;
}

/** An adapter that was trained elsewhere, deployed. */
export interface ModelImport {
  readonly id: string;
  readonly modelId: string;
  readonly organisationId: string;
  readonly modelName: string;
  readonly price: RunPlan['price'];
  readonly adapterDigest: string;
  readonly configBlob: string;
  readonly weightsBlob: string;
  readonly lineageBlob: string;
  readonly baseDigest: string;
  readonly baseName: string;
  readonly lora: RunPlan['lora'];
  readonly parentModelId?: string;
  readonly importedAt: Date;
}

/** The version of a model that is served. */
export interface DeployedVersion {
  readonly modelId: string;
  readonly name: string;
  readonly adapterDigest: string;
  readonly datanetIds: readonly string[];
  readonly lora: RunPlan['lora'];
  readonly lineageBlob?: string;
  /** Of the run that trained it, or of the import; one of the two. */
  readonly runId?: string;
  readonly importId?: string;
  /** Absent where it was trained elsewhere. */
  readonly evaluation?: RunEvaluation;
}

export interface Page {
  readonly after?: string | undefined;
  readonly limit: number;
}

export abstract class TrainingStore {
  /** False when the event was handled before. */
  abstract recordDatanet(eventId: string, datanet: Datanet): Promise<boolean>;
  /** A later assessment of the same contribution replaces the earlier one. */
  abstract recordContribution(eventId: string, contribution: AcceptedContribution): Promise<boolean>;
  /** Of a contribution that may not be known yet. */
  abstract recordWithdrawal(eventId: string, contributionId: string, withdrawnAt: Date): Promise<boolean>;
  abstract datanets(ids: readonly string[]): Promise<Datanet[]>;
  /** Of these Datanets, in order of acceptance, without those that were withdrawn. */
  abstract contributionsOf(datanetIds: readonly string[]): Promise<AcceptedContribution[]>;
  abstract contributions(ids: readonly string[]): Promise<AcceptedContribution[]>;
  /** @throws DomainError MODEL_NAME_TAKEN */
  abstract createRun(organisationId: string, plan: RunPlan, contributionIds: readonly string[]): Promise<Run>;
  abstract run(id: string): Promise<Run | undefined>;
  /** Newest first. `after` is the id of the last run seen; nothing follows a run that is not there. */
  abstract runsOf(organisationId: string, page: Page): Promise<Run[]>;
  /** The oldest run that waits, or that a process which died left running. */
  abstract nextRun(): Promise<Run | undefined>;
  /** Begins a run that waits, without what was withdrawn since it was created; one that runs already keeps its data. */
  abstract begin(id: string): Promise<Run | undefined>;
  abstract saveProgress(id: string, progress: RunProgress): Promise<void>;
  /** Ends a run and publishes its events in one transaction; false when it had ended before. */
  abstract endRun(id: string, outcome: RunOutcome, events: readonly EncodedEvent[]): Promise<boolean>;
  /** By name, which is also the cursor. */
  abstract models(page: Page): Promise<{ id: string; name: string }[]>;
  abstract modelNamed(name: string): Promise<string | undefined>;
  abstract deployed(modelId: string): Promise<DeployedVersion | undefined>;
  /** @throws DomainError MODEL_NAME_TAKEN */
  abstract checkName(organisationId: string, modelName: string): Promise<void>;
  /**
   * Stores an import and publishes its event in one transaction.
   *
   * @throws DomainError MODEL_NAME_TAKEN
   */
  abstract saveImport(
    imported: Omit<ModelImport, 'modelId'>,
    event: (modelId: string) => EncodedEvent,
  ): Promise<ModelImport>;
}

/** What a finished training leaves: files in the blob store, and how well it did. */
export interface TrainedAdapter {
  readonly adapterDigest: string;
  readonly configBlob: string;
  readonly weightsBlob: string;
  readonly trainingLogBlob: string;
  readonly lineageBlob: string;
  readonly baseDigest: string;
  readonly baseName: string;
  readonly evaluation: RunEvaluation;
}

/** Does the arithmetic, away from the event loop. */
export abstract class AdapterTrainer {
  /** Continues from the run's checkpoint where there is one. Rejects with the abort reason when aborted. */
  abstract train(
    run: Run,
    contributions: readonly AcceptedContribution[],
    watch: { readonly onProgress: (progress: RunProgress) => void; readonly signal: AbortSignal },
  ): Promise<TrainedAdapter>;
  /** Removes the checkpoints of an ended run. */
  abstract forget(runId: string): Promise<void>;
}

export interface LineagePage {
  readonly total: number;
  readonly records: readonly TrainedRecord[];
}

export abstract class LineageReader {
  /** Only the page is decoded: a lineage has up to hundreds of thousands of records. */
  abstract read(blob: string, offset: number, limit: number): Promise<LineagePage>;
}
