import type { Assessment, Contribution, ContributionStatus, Datanet } from '../application/ports.js';
import type { RecordKind } from '../domain/record-schema.js';

export interface DatanetRow {
  datanet_id: string;
  owner_organisation_id: string;
  owner_person_id: string;
  name: string;
  domain: string;
  licence: string;
  record_kind: RecordKind;
  min_characters: number;
  max_characters: number;
  permits_training: boolean;
  permits_commercial_use: boolean;
  created_at: Date;
}

export interface ContributionRow {
  contribution_id: string;
  datanet_id: string;
  contributor_id: string;
  wallet_address: string;
  licence: string;
  records_blob: string;
  record_count: number;
  merkle_root: string;
  status: ContributionStatus;
  created_at: Date;
  expires_at: Date;
  received_at: Date | null;
  accepted_count: number | null;
  quarantined_count: number | null;
  rejected_count: number | null;
  reasons: Assessment['reasons'] | null;
  verdicts_blob: string | null;
  assessed_at: Date | null;
  withdrawn_at: Date | null;
  withdrawal_reason: string | null;
}

export const toDatanet = (row: DatanetRow): Datanet => ({
  datanetId: row.datanet_id,
  ownerOrganisationId: row.owner_organisation_id,
  ownerPersonId: row.owner_person_id,
  name: row.name,
  domain: row.domain,
  licence: row.licence,
  schema: {
    kind: row.record_kind,
    minCharacters: row.min_characters,
    maxCharacters: row.max_characters,
  },
  permissions: { training: row.permits_training, commercialUse: row.permits_commercial_use },
  createdAt: row.created_at,
});

export const toContribution = (row: ContributionRow): Contribution => ({
  contributionId: row.contribution_id,
  datanetId: row.datanet_id,
  contributorId: row.contributor_id,
  walletAddress: row.wallet_address,
  licence: row.licence,
  recordsBlob: row.records_blob,
  recordCount: row.record_count,
  merkleRoot: row.merkle_root,
  status: row.status,
  createdAt: row.created_at,
  expiresAt: row.expires_at,
  ...(row.received_at === null ? {} : { receivedAt: row.received_at }),
  ...(row.assessed_at === null ? {} : { assessment: toAssessment(row, row.assessed_at) }),
  ...(row.withdrawn_at === null
    ? {}
    : { withdrawal: { withdrawnAt: row.withdrawn_at, reason: row.withdrawal_reason ?? '' } }),
});

const toAssessment = (row: ContributionRow, assessedAt: Date): Assessment => ({
  acceptedCount: row.accepted_count ?? 0,
  quarantinedCount: row.quarantined_count ?? 0,
  rejectedCount: row.rejected_count ?? 0,
  reasons: row.reasons ?? [],
  verdictsBlob: row.verdicts_blob ?? '',
  assessedAt,
});
