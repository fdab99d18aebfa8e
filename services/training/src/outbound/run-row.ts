import type { DeployedVersion, Run } from '../application/ports.js';
import type { RunEvaluation, RunPlan, RunProgress, RunStatus } from '../domain/run.js';

export interface RunRow {
  readonly id: string;
  readonly model_id: string;
  readonly organisation_id: string;
  readonly plan: RunPlan;
  readonly contribution_ids: string[];
  readonly status: RunStatus;
  readonly progress: RunProgress | null;
  readonly evaluation: RunEvaluation | null;
  readonly adapter_digest: string | null;
  readonly lineage_blob: string | null;
  readonly failure: string | null;
  readonly created_at: Date;
}

export function toRun(row: RunRow): Run {
  return {
    id: row.id,
    modelId: row.model_id,
    organisationId: row.organisation_id,
    plan: row.plan,
    contributionIds: row.contribution_ids,
    status: row.status,
    createdAt: row.created_at,
    ...(row.progress && { progress: row.progress }),
    ...(row.evaluation && { evaluation: row.evaluation }),
    ...(row.adapter_digest && { adapterDigest: row.adapter_digest }),
    ...(row.lineage_blob && { lineageBlob: row.lineage_blob }),
    ...(row.failure && { failure: row.failure }),
  };
}

export interface DeployedRow {
  readonly model_id: string;
  readonly name: string;
  readonly run_id: string | null;
  readonly import_id: string | null;
  readonly adapter_digest: string;
  readonly lineage_blob: string | null;
  readonly evaluation: RunEvaluation | null;
  readonly lora: RunPlan['lora'];
  readonly datanet_ids: string[];
}

export function toDeployedVersion(row: DeployedRow): DeployedVersion {
  return {
    modelId: row.model_id,
    name: row.name,
    adapterDigest: row.adapter_digest,
    datanetIds: row.datanet_ids,
    lora: row.lora,
    ...(row.lineage_blob && { lineageBlob: row.lineage_blob }),
    ...(row.run_id && { runId: row.run_id }),
    ...(row.import_id && { importId: row.import_id }),
    ...(row.evaluation && { evaluation: row.evaluation }),
  };
}
