import { PPB } from '@openledger/kernel';
import type {
  AuditReport,
  IndexProgress,
  IndexSummary,
  ModelVersion,
  Reliability,
  Replay,
  ScoredAnswer,
} from '../application/ports.js';
import type {
  AnswerStatus,
  AuditStatus,
  Challenge,
  ChallengeOutcome,
  ReplayStatus,
  ServedAnswer,
  VersionStatus,
  WorkState,
} from '../application/store-port.js';

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
  readonly index: StoredIndex | null;
  readonly failure: string | null;
  /** Absent where the query does not ask for the audit. */
  readonly audit_state?: WorkState | null;
  readonly audit_report?: AuditReport | null;
  readonly audit_failure?: string | null;
  readonly audited_at?: Date | null;
}

/** Columns of a {@link VersionRow} with its audit. */
export const VERSION_WITH_AUDIT = `
  SELECT version.*, audit.state AS audit_state, audit.report AS audit_report, audit.failure AS audit_failure,
    audit.audited_at
  FROM model_version version LEFT JOIN audit USING (model_id, adapter_digest)`;

/** Rows of an earlier release have one figure of reliability and no interval. */
type StoredIndex = Omit<IndexSummary, 'root' | 'reliability'> &
  Partial<Pick<IndexSummary, 'root' | 'reliability'>> & { readonly reliabilityPpb?: number };

export interface AnswerRow {
  readonly request_id: string;
  readonly model_id: string;
  readonly adapter_digest: string;
  readonly payer_organisation_id: string;
  readonly tokens_blob: string;
  readonly served_at: Date;
  readonly state: WorkState;
  readonly attempts: number;
  readonly result: StoredScore | null;
  readonly failure: string | null;
  readonly scored_at: Date | null;
}

type StoredScore = Pick<ScoredAnswer, 'contributors' | 'baseModelPpb' | 'reservePpb' | 'evidenceBlob'> &
  Partial<ScoredAnswer> & { readonly reliabilityPpb?: number };

export interface ChallengeRow {
  readonly id: string;
  readonly request_id: string;
  readonly person_id: string;
  readonly reason: string;
  readonly challenged_at: Date;
  readonly attempts: number;
  readonly outcome: ChallengeOutcome | null;
  readonly finding: string | null;
  readonly decided_at: Date | null;
}

export interface ReplayRow {
  readonly request_id: string;
  readonly state: WorkState;
  readonly attempts: number;
  readonly result: Replay | null;
  readonly failure: string | null;
  readonly replayed_at: Date | null;
}

export const toVersion = (row: VersionRow): ModelVersion => ({
  modelId: row.model_id,
  adapterDigest: row.adapter_digest,
  baseDigest: row.base_digest,
  adapterConfigBlob: row.adapter_config_blob,
  adapterWeightsBlob: row.adapter_weights_blob,
  lineageBlob: row.lineage_blob,
  trainingLogBlob: row.training_log_blob,
  deployedAt: row.deployed_at,
});

export function toVersionStatus(row: VersionRow): VersionStatus {
  const audit = auditOf(row);
  return {
    ...toVersion(row),
    state: row.state,
    ...(row.progress && { progress: row.progress }),
    ...(row.index && { index: indexOf(row.index) }),
    ...(row.failure && { failure: row.failure }),
    ...(audit && { audit }),
  };
}

function auditOf(row: VersionRow): AuditStatus | undefined {
  if (!row.audit_state) return undefined;
  return {
    state: row.audit_state,
    ...(row.audit_report && { report: row.audit_report }),
    ...(row.audit_failure && { failure: row.audit_failure }),
    ...(row.audited_at && { auditedAt: row.audited_at }),
  };
}

const indexOf = ({ reliabilityPpb = 0, ...stored }: StoredIndex): IndexSummary => ({
  root: '',
  reliability: unmeasured(reliabilityPpb),
  ...stored,
});

/** A figure without an interval vouches for nothing. */
const unmeasured = (ppb: number): Reliability => ({ ppb, lowPpb: 0, highPpb: Number(PPB) });

export const toServed = (row: AnswerRow): ServedAnswer => ({
  requestId: row.request_id,
  modelId: row.model_id,
  adapterDigest: row.adapter_digest,
  payerOrganisationId: row.payer_organisation_id,
  tokensBlob: row.tokens_blob,
  servedAt: row.served_at,
});

export const toAnswer = (row: AnswerRow): AnswerStatus => ({
  ...toServed(row),
  state: row.state,
  ...(row.result && { result: scoreOf(row.result) }),
  ...(row.failure && { failure: row.failure }),
  ...(row.scored_at && { scoredAt: row.scored_at }),
});

export const scoreOf = ({ reliabilityPpb = 0, contributors, ...stored }: StoredScore): ScoredAnswer => ({
  status: 'scored',
  reason: '',
  reliability: unmeasured(reliabilityPpb),
  indexDigest: '',
  indexRoot: '',
  codeVersion: '',
  receiptBlob: '',
  ...stored,
  contributors: contributors.map((share) => ({ ...share, contextPpb: share.contextPpb ?? 0 })),
});

export const toChallenge = (row: ChallengeRow): Challenge => ({
  id: row.id,
  requestId: row.request_id,
  personId: row.person_id,
  reason: row.reason,
  challengedAt: row.challenged_at,
  ...(row.outcome &&
    row.decided_at && {
      decision: { outcome: row.outcome, finding: row.finding ?? '', decidedAt: row.decided_at },
    }),
});

export const toReplayStatus = (row: ReplayRow): ReplayStatus => ({
  state: row.state,
  ...(row.result && { replay: row.result }),
  ...(row.failure && { failure: row.failure }),
  ...(row.replayed_at && { replayedAt: row.replayed_at }),
});
