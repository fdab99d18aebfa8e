import type { EncodedEvent } from '@openledger/contracts';
import { DomainError, invariant, newId } from '@openledger/kernel';
import type { Database, Transaction } from '@openledger/persistence';
import {
  type AcceptedContribution,
  type Datanet,
  type DeployedVersion,
  type ModelImport,
  type Page,
  type Run,
  type RunOutcome,
  TrainingStore,
} from '../application/ports.js';
import type { RunPlan, RunProgress } from '../domain/run.js';
import { type DeployedRow, type RunRow, toDeployedVersion, toRun } from './run-row.js';

const DATANET = `SELECT id, name, licence, training_permitted AS "trainingPermitted",
  commercial_permitted AS "commercialPermitted" FROM datanet`;
const CONTRIBUTION = `SELECT id, datanet_id AS "datanetId", contributor_id AS "contributorId",
  accepted_blob AS "acceptedBlob", accepted_count AS "acceptedCount" FROM contribution`;
const LIVE = `status IN ('queued', 'running')`;

export class PostgresTrainingStore extends TrainingStore {
  constructor(private readonly database: Database) {
    super();
  }

  recordDatanet(eventId: string, datanet: Datanet): Promise<boolean> {
    return this.database.once('training', eventId, async (tx) => {
      await tx.query(
        `INSERT INTO datanet (id, name, licence, training_permitted, commercial_permitted)
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO NOTHING`,
        [datanet.id, datanet.name, datanet.licence, datanet.trainingPermitted, datanet.commercialPermitted],
      );
    });
  }

  recordContribution(eventId: string, contribution: AcceptedContribution): Promise<boolean> {
    const { id, datanetId, contributorId, acceptedBlob, acceptedCount } = contribution;
    return this.database.once('training', eventId, async (tx) => {
      if (acceptedBlob === '') {
        await tx.query('DELETE FROM contribution WHERE id = $1', [id]);
        return;
      }
      await tx.query(
        `INSERT INTO contribution (id, datanet_id, contributor_id, accepted_blob, accepted_count)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (id) DO UPDATE SET accepted_blob = $4, accepted_count = $5`,
        [id, datanetId, contributorId, acceptedBlob, acceptedCount],
      );
    });
  }

  recordWithdrawal(eventId: string, contributionId: string, withdrawnAt: Date): Promise<boolean> {
    return this.database.once('training', eventId, async (tx) => {
      await tx.query(
        'INSERT INTO withdrawn_contribution (id, withdrawn_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING',
        [contributionId, withdrawnAt],
      );
    });
  }

  datanets(ids: readonly string[]): Promise<Datanet[]> {
    return this.database.query<Datanet>(`${DATANET} WHERE id = ANY($1)`, [ids]);
  }

  contributionsOf(datanetIds: readonly string[]): Promise<AcceptedContribution[]> {
    return this.database.query(
      `${CONTRIBUTION} WHERE datanet_id = ANY($1) AND NOT EXISTS
         (SELECT 1 FROM withdrawn_contribution withdrawn WHERE withdrawn.id = contribution.id)
       ORDER BY position`,
      [datanetIds],
    );
  }

  contributions(ids: readonly string[]): Promise<AcceptedContribution[]> {
    return this.database.query(`${CONTRIBUTION} WHERE id = ANY($1) ORDER BY position`, [ids]);
  }

  createRun(organisationId: string, plan: RunPlan, contributionIds: readonly string[]): Promise<Run> {
    return this.database.transaction(async (tx) => {
      const modelId = await ownModel(tx, organisationId, plan.modelName);
      const [row] = await tx.query<RunRow>(
        `INSERT INTO run (id, model_id, organisation_id, plan, contribution_ids, status)
         VALUES ($1, $2, $3, $4, $5, 'queued') RETURNING *`,
        [newId(), modelId, organisationId, JSON.stringify(plan), contributionIds],
      );
      invariant(row, 'INSERT returns its row');
      return toRun(row);
    });
  }

  async run(id: string): Promise<Run | undefined> {
    const [row] = await this.database.query<RunRow>('SELECT * FROM run WHERE id = $1', [id]);
    return row && toRun(row);
  }

  async runsOf(organisationId: string, { after, limit }: Page): Promise<Run[]> {
    const rows = await this.database.query<RunRow>(
      `SELECT * FROM run WHERE organisation_id = $1 AND ($2::uuid IS NULL OR (created_at, id) <
         (SELECT created_at, id FROM run WHERE id = $2 AND organisation_id = $1))
       ORDER BY created_at DESC, id DESC LIMIT $3`,
      [organisationId, after, limit],
    );
    return rows.map(toRun);
  }

  async nextRun(): Promise<Run | undefined> {
    const [row] = await this.database.query<RunRow>(
      `SELECT * FROM run WHERE ${LIVE} ORDER BY created_at LIMIT 1`,
    );
    return row && toRun(row);
  }

  async begin(id: string): Promise<Run | undefined> {
    const [row] = await this.database.query<RunRow>(
      `UPDATE run SET status = 'running', contribution_ids = CASE status WHEN 'running' THEN contribution_ids ELSE
         ARRAY(SELECT given.id FROM unnest(contribution_ids) WITH ORDINALITY AS given (id, place)
               WHERE given.id NOT IN (SELECT id FROM withdrawn_contribution) ORDER BY given.place) END
       WHERE id = $1 AND ${LIVE} RETURNING *`,
      [id],
    );
    return row && toRun(row);
  }

  async saveProgress(id: string, progress: RunProgress): Promise<void> {
    await this.database.query(`UPDATE run SET progress = $2 WHERE id = $1 AND ${LIVE}`, [
      id,
      JSON.stringify(progress),
    ]);
  }

  endRun(id: string, outcome: RunOutcome, events: readonly EncodedEvent[]): Promise<boolean> {
    const { status, evaluation, adapterDigest, lineageBlob, failure } = outcome;
    return this.database.transaction(async (tx) => {
      const ended = await tx.query(
        `UPDATE run SET status = $2, evaluation = $3, adapter_digest = $4, lineage_blob = $5, failure = $6, ended_at = now()
         WHERE id = $1 AND ${LIVE} RETURNING 1`,
        [id, status, evaluation && JSON.stringify(evaluation), adapterDigest, lineageBlob, failure],
      );
      if (ended.length === 0) return false;
      for (const event of events) await tx.emit(event);
      return true;
    });
  }

  models({ after = '', limit }: Page): Promise<{ id: string; name: string }[]> {
    const sql = 'SELECT id, name FROM model WHERE name > $1 ORDER BY name LIMIT $2';
    return this.database.query(sql, [after, limit]);
  }

  async deployed(modelId: string): Promise<DeployedVersion | undefined> {
    const [row] = await this.database.query<DeployedRow>(
      `SELECT m.id AS model_id, m.name, v.* FROM model m JOIN (
         SELECT model_id, id AS run_id, NULL::uuid AS import_id, adapter_digest, lineage_blob, evaluation,
           plan->'lora' AS lora, plan->'datanetIds' AS datanet_ids, ended_at AS at
         FROM run WHERE model_id = $1 AND status = 'deployed'
         UNION ALL
         SELECT model_id, NULL, id, adapter_digest, lineage_blob, NULL, lora, '[]'::jsonb, imported_at
         FROM model_import WHERE model_id = $1
       ) v ON v.model_id = m.id ORDER BY v.at DESC LIMIT 1`,
      [modelId],
    );
    return row && toDeployedVersion(row);
  }

  async modelNamed(name: string): Promise<string | undefined> {
    const [model] = await this.database.query<{ id: string }>('SELECT id FROM model WHERE name = $1', [name]);
    return model?.id;
  }

  async checkName(organisationId: string, modelName: string): Promise<void> {
    const [taken] = await this.database.query(
      'SELECT 1 FROM model WHERE name = $1 AND organisation_id <> $2',
      [modelName, organisationId],
    );
    if (taken) throw nameTaken(modelName);
  }

  saveImport(
    imported: Omit<ModelImport, 'modelId'>,
    event: (modelId: string) => EncodedEvent,
  ): Promise<ModelImport> {
    const { id, organisationId, modelName, adapterDigest, lineageBlob, lora, importedAt } = imported;
    return this.database.transaction(async (tx) => {
      const modelId = await ownModel(tx, organisationId, modelName);
      await tx.query(
        `INSERT INTO model_import (id, model_id, organisation_id, adapter_digest, lineage_blob, lora, imported_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)`,
        [id, modelId, organisationId, adapterDigest, lineageBlob, JSON.stringify(lora), importedAt],
      );
      await tx.emit(event(modelId));
      return { ...imported, modelId };
    });
  }
}

/** A name is trained again under the same id, and only by the organisation that used it first. */
async function ownModel(tx: Transaction, organisationId: string, name: string): Promise<string> {
  await tx.query(
    'INSERT INTO model (id, name, organisation_id) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING',
    [newId(), name, organisationId],
  );
  const [model] = await tx.query<{ id: string; owner: string }>(
    'SELECT id, organisation_id AS owner FROM model WHERE name = $1 FOR UPDATE',
    [name],
  );
  invariant(model, 'the row is there, whoever inserted it');
  if (model.owner === organisationId) return model.id;
  throw nameTaken(name);
}

function nameTaken(name: string): DomainError {
  const message = `"${name}" belongs to another organisation: choose another name.`;
  return new DomainError('conflict', 'MODEL_NAME_TAKEN', message);
}
