import type {
  AnswerStatus,
  IndexProgress,
  IndexSummary,
  ModelVersion,
  ScoredAnswer,
  VersionStatus,
  WorkState,
} from '../application/ports.js';

export interface VersionRow {
  readonly model_id: string;
  readonly adapter_digest: string;
  readonly base_digest: string;
  readonly adapter_config_blob: string;
  readonly adapter_weights_blob: string;
  readonly lineage_blob: string;
  readonly training_log_blob: string;
  readonly deployed_at: Date;
  readonly state: WorkState;
  readonly attempts: number;
  readonly progress: IndexProgress | null;
  readonly index: IndexSummary | null;
  readonly failure: string | null;
}

export interface AnswerRow {
  readonly request_id: string;
  readonly model_id: string;
  readonly adapter_digest: string;
  readonly payer_organisation_id: string;
  readonly tokens_blob: string;
  readonly served_at: Date;
  readonly state: WorkState;
  readonly attempts: number;
  readonly result: ScoredAnswer | null;
  readonly failure: string | null;
  readonly scored_at: Date | null;
  /** Why its version failed; absent where it did not. */
  readonly version_failure?: string | null;
}

export function toVersion(row: VersionRow): ModelVersion & VersionStatus {
  return {
    modelId: row.model_id,
    adapterDigest: row.adapter_digest,
    baseDigest: row.base_digest,
    adapterConfigBlob: row.adapter_config_blob,
    adapterWeightsBlob: row.adapter_weights_blob,
    lineageBlob: row.lineage_blob,
    trainingLogBlob: row.training_log_blob,
    deployedAt: row.deployed_at,
    state: row.state,
    ...(row.progress && { progress: row.progress }),
    ...(row.index && { index: row.index }),
    ...(row.failure && { failure: row.failure }),
  };
}

export function toAnswer(row: AnswerRow): AnswerStatus {
  const failure = row.state === 'waiting' && row.version_failure ? row.version_failure : row.failure;
  return {
    requestId: row.request_id,
    modelId: row.model_id,
    adapterDigest: row.adapter_digest,
    payerOrganisationId: row.payer_organisation_id,
    tokensBlob: row.tokens_blob,
    servedAt: row.served_at,
    state: row.state === 'waiting' && row.version_failure ? 'failed' : row.state,
    ...(row.result && { result: row.result }),
    ...(failure && { failure }),
    ...(row.scored_at && { scoredAt: row.scored_at }),
  };
}
