import type { EncodedEvent } from '@openledger/contracts';
import type { Database } from '@openledger/persistence';
import {
  type AnswerStatus,
  AttributionStore,
  type Claimed,
  type IndexProgress,
  type IndexSummary,
  type ModelVersion,
  type Party,
  type ScoredAnswer,
  type ServedAnswer,
  type VersionStatus,
  type WorkKey,
} from '../application/ports.js';
import { type AnswerRow, toAnswer, toVersion, type VersionRow } from './rows.js';

const GROUP = 'attribution';

export class PostgresAttributionStore extends AttributionStore {
  constructor(private readonly database: Database) {
    super();
  }

  recordVersion(eventId: string, version: ModelVersion): Promise<boolean> {
    return this.database.once(GROUP, eventId, async (tx) => {
      await tx.query(
        `INSERT INTO model_version (model_id, adapter_digest, base_digest, adapter_config_blob,
           adapter_weights_blob, lineage_blob, training_log_blob, deployed_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (model_id, adapter_digest) DO UPDATE SET deployed_at = excluded.deployed_at`,
        [
          version.modelId,
          version.adapterDigest,
          version.baseDigest,
          version.adapterConfigBlob,
          version.adapterWeightsBlob,
          version.lineageBlob,
          version.trainingLogBlob,
          version.deployedAt,
        ],
      );
    });
  }

  recordAnswer(eventId: string, answer: ServedAnswer): Promise<boolean> {
    return this.database.once(GROUP, eventId, async (tx) => {
      const { requestId, modelId, adapterDigest, payerOrganisationId, tokensBlob, servedAt } = answer;
      await tx.query(
        `INSERT INTO request (request_id, model_id, adapter_digest, payer_organisation_id, tokens_blob, served_at)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (request_id) DO NOTHING`,
        [requestId, modelId, adapterDigest, payerOrganisationId, tokensBlob, servedAt],
      );
    });
  }

  recordParty(eventId: string, party: Party): Promise<boolean> {
    return this.database.once(GROUP, eventId, async (tx) => {
      // Members that left, and parties that were absorbed, unless something newer was said about them.
      await tx.query(
        `DELETE FROM party_member
         WHERE party_id = ANY($1::text[]) AND contributor_id <> ALL($2::text[]) AND changed_at <= $3`,
        [[party.id, ...party.absorbedPartyIds], [...party.contributorIds], party.changedAt],
      );
      await tx.query(
        `INSERT INTO party_member (contributor_id, party_id, changed_at)
         SELECT contributor_id, $2, $3 FROM unnest($1::text[]) AS given (contributor_id) ORDER BY contributor_id
         ON CONFLICT (contributor_id) DO UPDATE
           SET party_id = excluded.party_id, changed_at = excluded.changed_at
         WHERE excluded.changed_at >= party_member.changed_at`,
        [[...party.contributorIds], party.id, party.changedAt],
      );
    });
  }

  async claimVersion(): Promise<Claimed<ModelVersion> | undefined> {
    const [row] = await this.database.query<VersionRow>(
      `UPDATE model_version SET attempts = attempts + 1
       WHERE (model_id, adapter_digest) = (
         SELECT model_id, adapter_digest FROM model_version
         WHERE state = 'waiting' AND retry_at <= now() ORDER BY deployed_at LIMIT 1)
       RETURNING *`,
    );
    return row && { work: toVersion(row), attempt: row.attempts };
  }

  async claimAnswer(): Promise<Claimed<ServedAnswer> | undefined> {
    const [row] = await this.database.query<AnswerRow>(
      `UPDATE request SET attempts = attempts + 1
       WHERE request_id = (
         SELECT request_id FROM request JOIN model_version version USING (model_id, adapter_digest)
         WHERE request.state = 'waiting' AND request.retry_at <= now() AND version.state = 'done'
         ORDER BY served_at LIMIT 1)
       RETURNING *`,
    );
    return row && { work: toAnswer(row), attempt: row.attempts };
  }

  async saveProgress({ modelId, adapterDigest }: ModelVersion, progress: IndexProgress): Promise<void> {
    await this.database.query(
      `UPDATE model_version SET progress = $3
       WHERE model_id = $1 AND adapter_digest = $2 AND state = 'waiting'`,
      [modelId, adapterDigest, JSON.stringify(progress)],
    );
  }

  async saveIndex({ modelId, adapterDigest }: ModelVersion, index: IndexSummary): Promise<void> {
    await this.database.query(
      `UPDATE model_version SET state = 'done', index = $3, progress = NULL, failure = NULL
       WHERE model_id = $1 AND adapter_digest = $2 AND state = 'waiting'`,
      [modelId, adapterDigest, JSON.stringify(index)],
    );
  }

  saveScore(requestId: string, score: ScoredAnswer, at: Date, event: EncodedEvent): Promise<boolean> {
    return this.database.transaction(async (tx) => {
      const saved = await tx.query(
        `UPDATE request SET state = 'done', result = $2, scored_at = $3, failure = NULL
         WHERE request_id = $1 AND state = 'waiting' RETURNING 1`,
        [requestId, JSON.stringify(score), at],
      );
      if (saved.length === 0) return false;
      await tx.emit(event);
      return true;
    });
  }

  putBack(key: WorkKey): Promise<void> {
    return this.change(key, 'attempts = attempts - 1');
  }

  retryIn(key: WorkKey, waitMs: number, failure: string): Promise<void> {
    return this.change(key, 'retry_at = now() + make_interval(secs => $1 / 1000.0), failure = $2', [
      waitMs,
      failure,
    ]);
  }

  fail(key: WorkKey, failure: string): Promise<void> {
    return this.change(key, `state = 'failed', failure = $1`, [failure]);
  }

  private async change(key: WorkKey, set: string, values: readonly unknown[] = []): Promise<void> {
    const [table, columns] =
      key.kind === 'version'
        ? ['model_version', { model_id: key.modelId, adapter_digest: key.adapterDigest }]
        : ['request', { request_id: key.requestId }];
    const where = Object.keys(columns).map((column, i) => `${column} = $${values.length + i + 1}`);
    await this.database.query(
      `UPDATE ${table} SET ${set} WHERE ${where.join(' AND ')} AND state = 'waiting'`,
      [...values, ...Object.values(columns)],
    );
  }

  async version(modelId: string, digest: string): Promise<(VersionStatus & ModelVersion) | undefined> {
    const [row] = await this.database.query<VersionRow>(
      'SELECT * FROM model_version WHERE model_id = $1 AND adapter_digest = $2',
      [modelId, digest],
    );
    return row && toVersion(row);
  }

  async versionOf(modelId: string): Promise<VersionStatus | undefined> {
    const [row] = await this.database.query<VersionRow>(
      'SELECT * FROM model_version WHERE model_id = $1 ORDER BY deployed_at DESC LIMIT 1',
      [modelId],
    );
    return row && toVersion(row);
  }

  async answer(requestId: string): Promise<AnswerStatus | undefined> {
    const [row] = await this.database.query<AnswerRow>(
      `SELECT request.*, version.failure AS version_failure FROM request
       LEFT JOIN model_version version
         ON version.model_id = request.model_id AND version.adapter_digest = request.adapter_digest
           AND version.state = 'failed'
       WHERE request_id = $1`,
      [requestId],
    );
    return row && toAnswer(row);
  }

  async partiesOf(contributorIds: readonly string[]): Promise<Map<string, string>> {
    const members = await this.database.query<{ contributor_id: string; party_id: string }>(
      'SELECT contributor_id, party_id FROM party_member WHERE contributor_id = ANY($1::text[])',
      [[...contributorIds]],
    );
    return new Map(members.map(({ contributor_id, party_id }) => [contributor_id, party_id]));
  }
}
