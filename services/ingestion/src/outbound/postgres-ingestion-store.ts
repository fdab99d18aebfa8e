import type { EncodedEvent } from '@openledger/contracts';
import type { Database, Transaction } from '@openledger/persistence';
import {
  type Assessment,
  type Contribution,
  type ContributionStatus,
  type Datanet,
  IngestionStore,
  type IngestionTx,
  type Page,
  type Withdrawal,
} from '../application/ports.js';
import { type ContributionRow, type DatanetRow, toContribution, toDatanet } from './rows.js';

const GROUP = 'ingestion';
const SWEEP_MAX = 1_000;
/** Sorts before every id. */
const BEFORE_ALL = '00000000-0000-0000-0000-000000000000';
const FIND_CONTRIBUTION = 'SELECT * FROM contribution WHERE contribution_id = $1';

export class PostgresIngestionStore extends IngestionStore {
  constructor(private readonly database: Database) {
    super();
  }

  transaction<T>(work: (tx: IngestionTx) => Promise<T>): Promise<T> {
    return this.database.transaction((tx) => work(new PostgresIngestionTx(tx)));
  }

  once(eventId: string, work: (tx: IngestionTx) => Promise<void>): Promise<boolean> {
    return this.database.once(GROUP, eventId, (tx) => work(new PostgresIngestionTx(tx)));
  }

  async findDatanet(datanetId: string): Promise<Datanet | undefined> {
    const [row] = await this.database.query<DatanetRow>('SELECT * FROM datanet WHERE datanet_id = $1', [
      datanetId,
    ]);
    return row && toDatanet(row);
  }

  async listDatanets({ after, limit }: Page): Promise<Datanet[]> {
    const rows = await this.database.query<DatanetRow>(
      'SELECT * FROM datanet WHERE datanet_id > $1 ORDER BY datanet_id LIMIT $2',
      [after ?? BEFORE_ALL, limit],
    );
    return rows.map(toDatanet);
  }

  async findContribution(contributionId: string): Promise<Contribution | undefined> {
    const [row] = await this.database.query<ContributionRow>(FIND_CONTRIBUTION, [contributionId]);
    return row && toContribution(row);
  }

  async listContributions(datanetId: string, { after, limit }: Page): Promise<Contribution[]> {
    const rows = await this.database.query<ContributionRow>(
      `SELECT * FROM contribution
        WHERE datanet_id = $1 AND contribution_id > $2 AND signature IS NOT NULL
        ORDER BY contribution_id LIMIT $3`,
      [datanetId, after ?? BEFORE_ALL, limit],
    );
    return rows.map(toContribution);
  }

  async sweepUnsigned(now: Date): Promise<number> {
    const swept = await this.database.query(
      `DELETE FROM contribution WHERE contribution_id IN
         (SELECT contribution_id FROM contribution WHERE signature IS NULL AND expires_at < $1
           LIMIT ${SWEEP_MAX} FOR UPDATE SKIP LOCKED) RETURNING 1`,
      [now],
    );
    return swept.length;
  }
}

class PostgresIngestionTx implements IngestionTx {
  constructor(private readonly tx: Transaction) {}

  async addDatanet(datanet: Datanet): Promise<void> {
    const { schema, permissions } = datanet;
    await this.tx.query(
      `INSERT INTO datanet (datanet_id, owner_organisation_id, owner_person_id, name, domain, licence, record_kind,
                            min_characters, max_characters, permits_training, permits_commercial_use, created_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
      [
        datanet.datanetId,
        datanet.ownerOrganisationId,
        datanet.ownerPersonId,
        datanet.name,
        datanet.domain,
        datanet.licence,
        schema.kind,
        schema.minCharacters,
        schema.maxCharacters,
        permissions.training,
        permissions.commercialUse,
        datanet.createdAt,
      ],
    );
  }

  async lockDatanet(datanetId: string): Promise<void> {
    await this.tx.query('SELECT 1 FROM datanet WHERE datanet_id = $1 FOR NO KEY UPDATE', [datanetId]);
  }

  async addContribution(contribution: Contribution): Promise<void> {
    await this.tx.query(
      `INSERT INTO contribution (contribution_id, datanet_id, contributor_id, wallet_address, licence, records_blob,
                                 record_count, merkle_root, status, created_at, expires_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
      [
        contribution.contributionId,
        contribution.datanetId,
        contribution.contributorId,
        contribution.walletAddress,
        contribution.licence,
        contribution.recordsBlob,
        contribution.recordCount,
        contribution.merkleRoot,
        contribution.status,
        contribution.createdAt,
        contribution.expiresAt,
      ],
    );
  }

  async lockContributor(contributorId: string): Promise<void> {
    await this.tx.query('SELECT pg_advisory_xact_lock(hashtext($1))', [`contributor:${contributorId}`]);
  }

  async countUnsigned(contributorId: string): Promise<number> {
    const [row] = await this.tx.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM contribution
        WHERE contributor_id = $1 AND signature IS NULL AND expires_at > now()`,
      [contributorId],
    );
    return row?.count ?? 0;
  }

  async findContribution(contributionId: string): Promise<Contribution | undefined> {
    const [row] = await this.tx.query<ContributionRow>(FIND_CONTRIBUTION, [contributionId]);
    return row && toContribution(row);
  }

  async markReceived(contributionId: string, signature: string, now: Date): Promise<boolean> {
    const marked = await this.tx.query(
      `UPDATE contribution SET status = 'received', signature = $2, received_at = $3
        WHERE contribution_id = $1 AND status = 'awaiting-signature' RETURNING 1`,
      [contributionId, signature, now],
    );
    return marked.length === 1;
  }

  async withdraw(contributionId: string, { withdrawnAt, reason }: Withdrawal): Promise<boolean> {
    const withdrawn = await this.tx.query(
      `UPDATE contribution SET status = 'withdrawn', withdrawn_at = $2, withdrawal_reason = $3
        WHERE contribution_id = $1 AND status <> 'withdrawn' RETURNING 1`,
      [contributionId, withdrawnAt, reason],
    );
    return withdrawn.length === 1;
  }

  async assess(contributionId: string, status: ContributionStatus, found: Assessment): Promise<boolean> {
    const assessed = await this.tx.query(
      `UPDATE contribution SET status = CASE status WHEN 'withdrawn' THEN status ELSE $2 END, accepted_count = $3, quarantined_count = $4, rejected_count = $5,
              reasons = $6, verdicts_blob = $7, assessed_at = $8
        WHERE contribution_id = $1 AND signature IS NOT NULL RETURNING 1`,
      [
        contributionId,
        status,
        found.acceptedCount,
        found.quarantinedCount,
        found.rejectedCount,
        JSON.stringify(found.reasons),
        found.verdictsBlob,
        found.assessedAt,
      ],
    );
    return assessed.length === 1;
  }

  emit(event: EncodedEvent): Promise<void> {
    return this.tx.emit(event);
  }
}
