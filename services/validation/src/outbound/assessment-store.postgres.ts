import { DomainError } from '@openledger/kernel';
import type { Database, Transaction } from '@openledger/persistence';
import type {
  Assessment,
  AssessmentStore,
  AssessmentWrites,
  Datanet,
  DatanetState,
} from '../application/ports.js';
import type { RecordAnswer, RecordQuestion } from '../domain/assessment/assessment-input.js';
import { addCopies, addEvidence, lockPartiesOf, replaceParties } from './party-tables.postgres.js';
import { addToIndex, lookUp } from './record-index.postgres.js';

const GROUP = 'validation';

interface DatanetRow {
  datanet_id: string;
  record_kind: 'instruction' | 'text';
  min_characters: number;
  max_characters: number;
  licence: string;
  terms: Buffer | null;
  terms_texts: number;
  revision: number;
}

export class PostgresAssessmentStore implements AssessmentStore {
  constructor(private readonly database: Database) {}

  addDatanet(eventId: string, { datanetId, licence, schema }: Datanet): Promise<boolean> {
    return this.database.once(GROUP, eventId, async (tx) => {
      await tx.query(
        `INSERT INTO datanet (datanet_id, record_kind, min_characters, max_characters, licence)
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
        [datanetId, schema.kind, schema.minCharacters, schema.maxCharacters, licence],
      );
    });
  }

  async datanet(datanetId: string): Promise<DatanetState | undefined> {
    const [row] = await this.database.query<DatanetRow>('SELECT * FROM datanet WHERE datanet_id = $1', [
      datanetId,
    ]);
    return row && toState(row);
  }

  async isAssessed(contributionId: string): Promise<boolean> {
    const rows = await this.database.query('SELECT 1 FROM assessment WHERE contribution_id = $1', [
      contributionId,
    ]);
    return rows.length > 0;
  }

  lookUp(questions: readonly RecordQuestion[]): Promise<Map<number, RecordAnswer>> {
    return lookUp((sql, params) => this.database.query(sql, params), questions);
  }

  once(eventId: string, work: (writes: AssessmentWrites) => Promise<void>): Promise<boolean> {
    return this.database.once(GROUP, eventId, (tx) => work(writesOf(tx)));
  }
}

function writesOf(tx: Transaction): AssessmentWrites {
  const query: Transaction['query'] = (sql, params) => tx.query(sql, params);
  return {
    advanceDatanet: async (datanetId, revision, terms) => {
      const rows = await query<{ revision: number }>(
        `UPDATE datanet SET revision = revision + 1, terms = coalesce($3, terms),
                terms_texts = coalesce($4, terms_texts)
          WHERE datanet_id = $1 AND revision = $2 RETURNING revision`,
        [datanetId, revision, terms ? Buffer.from(terms.bytes) : null, terms?.texts ?? null],
      );
      if (rows.length > 0) return;
      const message = `Datanet ${datanetId} was assessed by another replica meanwhile.`;
      throw new DomainError('conflict', 'ASSESSMENT_OUTDATED', message);
    },
    addAssessment: (assessment) => addAssessment(tx, assessment),
    addToIndex: (records) => addToIndex(query, records),
    addEvidence: (no, copierId, evidence) => addEvidence(query, no, copierId, evidence),
    addCopies: (contributorId, records, copies) => addCopies(query, contributorId, records, copies),
    lockPartiesOf: (contributorIds) => lockPartiesOf(query, contributorIds),
    replaceParties: (change, reason, at) => replaceParties(query, change, reason, at),
    emit: (event) => tx.emit(event),
  };
}

async function addAssessment(tx: Transaction, assessment: Assessment): Promise<number> {
  const { accepted, quarantined, rejected } = assessment.counts;
  const [row] = await tx.query<{ no: number }>(
    `INSERT INTO assessment (contribution_id, datanet_id, contributor_id, verdict, accepted_count,
                             quarantined_count, rejected_count, reasons, accepted_blob, verdicts_blob, assessed_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING no`,
    [
      assessment.contributionId,
      assessment.datanetId,
      assessment.contributorId,
      assessment.verdict,
      accepted,
      quarantined,
      rejected,
      JSON.stringify(assessment.reasons),
      assessment.acceptedBlob,
      assessment.verdictsBlob,
      assessment.assessedAt,
    ],
  );
  return row?.no ?? 0;
}

const toState = (row: DatanetRow): DatanetState => ({
  datanetId: row.datanet_id,
  licence: row.licence,
  schema: { kind: row.record_kind, minCharacters: row.min_characters, maxCharacters: row.max_characters },
  terms: row.terms ?? undefined,
  termTexts: row.terms_texts,
  revision: row.revision,
});
