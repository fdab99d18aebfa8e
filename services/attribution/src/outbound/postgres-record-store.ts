import { DomainError } from '@openledger/kernel';
import type { Database, Transaction } from '@openledger/persistence';
import {
  type RecordOwner,
  RecordRegistry,
  type RegisteredContribution,
  type RegisteredRecord,
  type Withdrawal,
} from '../application/record-registry.js';

const GROUP = 'attribution';

/** Asked for at once. */
const IDS_MAX = 10_000;

interface OwnerRow {
  record_id: string;
  content_hashes: string[];
  contributor_id: string;
  contribution_id: string;
  datanet_id: string;
  accepted_at: Date;
  withdrawn_at: Date | null;
}

/**
 * The earliest registration of each record owns it. It counts as withdrawn once its contributor has taken back every
 * contribution of his that holds it.
 */
const OWNERS = `
  SELECT first.*, held.withdrawn_at FROM (
    SELECT DISTINCT ON (record.record_id) record.record_id, record.content_hashes, contribution.contributor_id,
           contribution.contribution_id, contribution.datanet_id, contribution.accepted_at
      FROM registered_record record JOIN registered_contribution contribution USING (contribution_id)
     WHERE record.record_id = ANY($1::text[])
     ORDER BY record.record_id, contribution.accepted_at, contribution.contribution_id) first
  CROSS JOIN LATERAL (
    SELECT CASE WHEN bool_and(withdrawn.contribution_id IS NOT NULL) THEN max(withdrawn.withdrawn_at) END AS withdrawn_at
      FROM registered_record same
      JOIN registered_contribution own USING (contribution_id)
      LEFT JOIN withdrawn_contribution withdrawn
        ON withdrawn.contribution_id = own.contribution_id AND withdrawn.contributor_id = own.contributor_id
     WHERE same.record_id = first.record_id AND own.contributor_id = first.contributor_id) held`;

export class PostgresRecordStore extends RecordRegistry {
  constructor(private readonly database: Database) {
    super();
  }

  register(
    eventId: string,
    contribution: RegisteredContribution,
    batches: AsyncIterable<readonly RegisteredRecord[]>,
  ): Promise<boolean> {
    return this.database.once(GROUP, eventId, async (tx) => {
      const { contributionId, datanetId, contributorId, acceptedBlob, acceptedAt } = contribution;
      await tx.query('DELETE FROM registered_contribution WHERE contribution_id = $1', [contributionId]);
      await tx.query(
        `INSERT INTO registered_contribution (contribution_id, datanet_id, contributor_id, accepted_blob, accepted_at)
         VALUES ($1, $2, $3, $4, $5)`,
        [contributionId, datanetId, contributorId, acceptedBlob, acceptedAt],
      );
      for await (const records of batches) await insert(tx, contributionId, records);
    });
  }

  withdraw(eventId: string, withdrawal: Withdrawal): Promise<boolean> {
    const { contributionId, datanetId, contributorId, reason, withdrawnAt } = withdrawal;
    return this.database.once(GROUP, eventId, async (tx) => {
      await tx.query(
        `INSERT INTO withdrawn_contribution (contribution_id, datanet_id, contributor_id, reason, withdrawn_at)
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (contribution_id) DO NOTHING`,
        [contributionId, datanetId, contributorId, reason, withdrawnAt],
      );
    });
  }

  async recordOwners(recordIds: readonly string[]): Promise<ReadonlyMap<string, RecordOwner>> {
    const rows = await this.owners(recordIds);
    return new Map(rows.map((row) => [row.record_id, toOwner(row)]));
  }

  async withdrawnRecords(recordIds: readonly string[]): Promise<ReadonlySet<string>> {
    const rows = await this.owners(recordIds);
    return new Set(rows.flatMap(({ record_id, withdrawn_at }) => (withdrawn_at ? [record_id] : [])));
  }

  async withdrawnContributions(contributorIds: readonly string[]): Promise<readonly string[]> {
    const rows = await this.database.query<{ contribution_id: string }>(
      `SELECT contribution_id FROM withdrawn_contribution WHERE contributor_id = ANY($1::text[])
        ORDER BY contribution_id`,
      [checked(contributorIds)],
    );
    return rows.map(({ contribution_id }) => contribution_id);
  }

  private async owners(recordIds: readonly string[]): Promise<OwnerRow[]> {
    if (recordIds.length === 0) return [];
    return this.database.query<OwnerRow>(OWNERS, [checked(recordIds)]);
  }
}

async function insert(
  tx: Transaction,
  contributionId: string,
  records: readonly RegisteredRecord[],
): Promise<void> {
  // Arrays of arrays must be rectangular in Postgres, and records have one hash or two.
  const lines = records.map(({ recordId, contentHashes }) => ({ id: recordId, hashes: contentHashes }));
  await tx.query(
    `INSERT INTO registered_record (record_id, contribution_id, content_hashes)
     SELECT line.id, $1, line.hashes FROM jsonb_to_recordset($2::jsonb) AS line (id text, hashes text[])
     ON CONFLICT (record_id, contribution_id) DO NOTHING`,
    [contributionId, JSON.stringify(lines)],
  );
}

const toOwner = (row: OwnerRow): RecordOwner => ({
  recordId: row.record_id,
  contentHashes: row.content_hashes,
  contributorId: row.contributor_id,
  contributionId: row.contribution_id,
  datanetId: row.datanet_id,
  acceptedAt: row.accepted_at,
  ...(row.withdrawn_at && { withdrawnAt: row.withdrawn_at }),
});

function checked(ids: readonly string[]): string[] {
  if (ids.length <= IDS_MAX) return [...ids];
  const message = `${ids.length} ids are more than the ${IDS_MAX} that can be asked for at once.`;
  throw new DomainError('too-large', 'TOO_MANY_IDS', message);
}
