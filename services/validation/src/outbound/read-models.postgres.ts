import type { Database } from '@openledger/persistence';
import type { Assessment } from '../application/ports.js';
import type {
  EvidencePair,
  Page,
  PartyDetails,
  PartySummary,
  ReadModels,
} from '../application/read-models.js';
import type { ReasonTally, RecordVerdict } from '../domain/assessment/verdict.js';

interface AssessmentRow {
  contribution_id: string;
  datanet_id: string;
  contributor_id: string;
  verdict: RecordVerdict;
  accepted_count: number;
  quarantined_count: number;
  rejected_count: number;
  reasons: ReasonTally[];
  accepted_blob: string;
  verdicts_blob: string;
  assessed_at: Date;
}

interface PartyRow {
  party_id: string;
  reason: string;
  changed_at: Date;
  members: string[];
}

interface EvidenceRow {
  no: number;
  copier_id: string;
  owner_id: string;
  contribution_id: string;
  record_index: number;
  record_id: string;
  owner_contribution_id: string;
  owner_record_id: string;
  exact: boolean;
  similarity: number;
}

const PARTY = `
  SELECT party.party_id, party.reason, party.changed_at,
         array_agg(member.contributor_id ORDER BY member.contributor_id COLLATE "C") AS members
    FROM party JOIN party_member AS member USING (party_id)`;

export class PostgresReadModels implements ReadModels {
  constructor(private readonly database: Database) {}

  async assessment(contributionId: string): Promise<Assessment | undefined> {
    const [row] = await this.database.query<AssessmentRow>(
      'SELECT * FROM assessment WHERE contribution_id = $1',
      [contributionId],
    );
    return row && toAssessment(row);
  }

  async parties({ after, limit }: Page): Promise<PartySummary[]> {
    const rows = await this.database.query<PartyRow>(
      `${PARTY} WHERE party.party_id > $1 GROUP BY party.party_id ORDER BY party.party_id LIMIT $2`,
      [after ?? '', limit],
    );
    return rows.map(toSummary);
  }

  async party(partyId: string): Promise<PartyDetails | undefined> {
    const [row] = await this.database.query<PartyRow>(
      `${PARTY} WHERE party.party_id = $1 GROUP BY party.party_id`,
      [partyId],
    );
    return row && { ...toSummary(row), contributorIds: row.members };
  }

  async evidence(partyId: string, page: { after: number; limit: number }): Promise<EvidencePair[]> {
    const rows = await this.database.query<EvidenceRow>(
      `SELECT evidence.no, evidence.copier_id, evidence.owner_id, assessment.contribution_id,
              evidence.record_index, encode(evidence.record_id, 'hex') AS record_id,
              evidence.owner_contribution_id, encode(evidence.owner_record_id, 'hex') AS owner_record_id,
              evidence.exact, evidence.similarity
         FROM copy_evidence AS evidence
         JOIN party_member AS copier ON copier.contributor_id = evidence.copier_id
         JOIN party_member AS owner ON owner.contributor_id = evidence.owner_id
         JOIN assessment ON assessment.no = evidence.assessment_no
        WHERE copier.party_id = $1 AND owner.party_id = $1 AND evidence.no > $2
        ORDER BY evidence.no LIMIT $3`,
      [partyId, page.after, page.limit],
    );
    return rows.map(toPair);
  }
}

const toAssessment = (row: AssessmentRow): Assessment => ({
  contributionId: row.contribution_id,
  datanetId: row.datanet_id,
  contributorId: row.contributor_id,
  verdict: row.verdict,
  counts: { accepted: row.accepted_count, quarantined: row.quarantined_count, rejected: row.rejected_count },
  reasons: row.reasons,
  acceptedBlob: row.accepted_blob,
  verdictsBlob: row.verdicts_blob,
  assessedAt: row.assessed_at,
});

const toSummary = (row: PartyRow): PartySummary => ({
  partyId: row.party_id,
  memberCount: row.members.length,
  reason: row.reason,
  changedAt: row.changed_at,
});

const toPair = (row: EvidenceRow): EvidencePair => ({
  no: row.no,
  copierId: row.copier_id,
  ownerId: row.owner_id,
  contributionId: row.contribution_id,
  recordIndex: row.record_index,
  recordId: row.record_id,
  ownerContributionId: row.owner_contribution_id,
  ownerRecordId: row.owner_record_id,
  kind: row.exact ? 'exact' : 'near',
  similarity: row.similarity,
});
