import type { EncodedEvent } from '@openledger/contracts';
import type { Database } from '@openledger/persistence';
import type {
  AuditReport,
  IndexProgress,
  IndexSummary,
  ModelVersion,
  Replay,
  ScoredAnswer,
} from '../application/ports.js';
import {
  type Challenge,
  type Claimed,
  type Decision,
  type LostAnswer,
  type ServedAnswer,
  type WorkKey,
  WorkStore,
} from '../application/store-port.js';
import {
  type AnswerRow,
  type ChallengeRow,
  toChallenge,
  toServed,
  toVersion,
  type VersionRow,
} from './rows.js';

/** A waiting row's time has come. */
const DUE = `state = 'waiting' AND retry_at <= now()`;

export class PostgresWork extends WorkStore {
  constructor(private readonly database: Database) {
    super();
  }

  async claimVersion(): Promise<Claimed<ModelVersion> | undefined> {
    const [row] = await this.database.query<VersionRow>(
      `UPDATE model_version SET attempts = attempts + 1
       WHERE (model_id, adapter_digest) = (
         SELECT model_id, adapter_digest FROM model_version WHERE ${DUE} ORDER BY deployed_at LIMIT 1)
       RETURNING *`,
    );
    return row && { work: toVersion(row), attempt: row.attempts };
  }

  async claimAnswers(limit: number): Promise<Claimed<ServedAnswer>[]> {
    // Who failed before may be why: he is taken alone, so that a batch that ends the process is not tried again whole.
    const rows = await this.database.query<AnswerRow>(
      `WITH first AS MATERIALIZED (
         SELECT model_id, adapter_digest, attempts FROM request
         WHERE ${DUE} AND EXISTS (
           SELECT FROM model_version version
           WHERE version.model_id = request.model_id AND version.adapter_digest = request.adapter_digest
             AND version.state = 'done')
         ORDER BY served_at, request_id LIMIT 1)
       UPDATE request SET attempts = attempts + 1
       WHERE request_id IN (
         SELECT request_id FROM request
         WHERE ${DUE} AND model_id = (SELECT model_id FROM first)
           AND adapter_digest = (SELECT adapter_digest FROM first) AND attempts = (SELECT attempts FROM first)
         ORDER BY served_at, request_id
         LIMIT CASE WHEN (SELECT attempts FROM first) = 0 THEN $1::integer ELSE 1 END)
       RETURNING *`,
      [limit],
    );
    return rows
      .map((row) => ({ work: toServed(row), attempt: row.attempts }))
      .sort((a, b) => a.work.servedAt.getTime() - b.work.servedAt.getTime());
  }

  async claimChallenge(): Promise<Claimed<Challenge> | undefined> {
    const [row] = await this.database.query<ChallengeRow>(
      `UPDATE challenge SET attempts = attempts + 1
       WHERE id = (SELECT id FROM challenge WHERE ${DUE} ORDER BY challenged_at LIMIT 1) RETURNING *`,
    );
    return row && { work: toChallenge(row), attempt: row.attempts };
  }

  async claimReplay(): Promise<Claimed<string> | undefined> {
    const [row] = await this.database.query<{ request_id: string; attempts: number }>(
      `UPDATE replay SET attempts = attempts + 1
       WHERE request_id = (SELECT request_id FROM replay WHERE ${DUE} ORDER BY asked_at LIMIT 1) RETURNING *`,
    );
    return row && { work: row.request_id, attempt: row.attempts };
  }

  async claimAudit(): Promise<Claimed<ModelVersion> | undefined> {
    const [row] = await this.database.query<VersionRow & { readonly tries: number }>(
      `WITH claimed AS (
         UPDATE audit SET attempts = attempts + 1
         WHERE (model_id, adapter_digest) = (
           SELECT model_id, adapter_digest FROM audit WHERE ${DUE} ORDER BY queued_at LIMIT 1)
         RETURNING model_id, adapter_digest, attempts AS tries)
       SELECT version.*, tries FROM claimed JOIN model_version version USING (model_id, adapter_digest)`,
    );
    return row && { work: toVersion(row), attempt: row.tries };
  }

  async lostAnswers(modelWaitMs: number, limit: number): Promise<LostAnswer[]> {
    const rows = await this.database.query<AnswerRow & { readonly lost: string }>(
      `(SELECT request.*, 'INDEX_FAILED' AS lost
         FROM model_version version CROSS JOIN LATERAL (
           SELECT * FROM request
           WHERE model_id = version.model_id AND adapter_digest = version.adapter_digest AND state = 'waiting'
           LIMIT $2) request
         WHERE version.state = 'failed' LIMIT $2)
       UNION ALL
       (SELECT request.*, 'MODEL_UNKNOWN' FROM request
         WHERE state = 'waiting' AND recorded_at < now() - make_interval(secs => $1 / 1000.0)
           AND NOT EXISTS (
             SELECT FROM model_version version
             WHERE version.model_id = request.model_id AND version.adapter_digest = request.adapter_digest)
         LIMIT $2)`,
      [modelWaitMs, limit],
    );
    return rows.map((row) => ({ answer: toServed(row), reason: row.lost }));
  }

  async saveProgress({ modelId, adapterDigest }: ModelVersion, progress: IndexProgress): Promise<void> {
    await this.database.query(
      `UPDATE model_version SET progress = $3
       WHERE model_id = $1 AND adapter_digest = $2 AND state = 'waiting'`,
      [modelId, adapterDigest, JSON.stringify(progress)],
    );
  }

  saveIndex(version: ModelVersion, index: IndexSummary, isAudited: boolean): Promise<void> {
    const { modelId, adapterDigest } = version;
    return this.database.transaction(async (tx) => {
      const saved = await tx.query(
        `UPDATE model_version SET state = 'done', index = $3, progress = NULL, failure = NULL
         WHERE model_id = $1 AND adapter_digest = $2 AND state = 'waiting' RETURNING 1`,
        [modelId, adapterDigest, JSON.stringify(index)],
      );
      if (saved.length === 0 || !isAudited) return;
      await tx.query(
        `INSERT INTO audit (model_id, adapter_digest) VALUES ($1, $2)
         ON CONFLICT (model_id, adapter_digest) DO UPDATE
           SET state = 'waiting', attempts = 0, queued_at = now(), retry_at = now(), report = NULL, audited_at = NULL`,
        [modelId, adapterDigest],
      );
    });
  }

  saveAudit(version: ModelVersion, report: AuditReport, at: Date, event: EncodedEvent): Promise<void> {
    return this.database.transaction(async (tx) => {
      const saved = await tx.query(
        `UPDATE audit SET state = 'done', report = $3, audited_at = $4, failure = NULL
         WHERE model_id = $1 AND adapter_digest = $2 AND state = 'waiting' RETURNING 1`,
        [version.modelId, version.adapterDigest, JSON.stringify(report), at],
      );
      if (saved.length > 0) await tx.emit(event);
    });
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

  async saveReplay(requestId: string, replay: Replay): Promise<void> {
    await this.database.query(
      `UPDATE replay SET state = 'done', result = $2, replayed_at = now(), failure = NULL
       WHERE request_id = $1 AND state = 'waiting'`,
      [requestId, JSON.stringify(replay)],
    );
  }

  decideChallenge(
    challenge: Challenge,
    { outcome, finding, decidedAt }: Decision,
    corrected: ScoredAnswer | undefined,
    event: EncodedEvent,
  ): Promise<boolean> {
    return this.database.transaction(async (tx) => {
      const decided = await tx.query(
        `UPDATE challenge SET state = 'done', outcome = $2, finding = $3, decided_at = $4, failure = NULL
         WHERE id = $1 AND state = 'waiting' RETURNING 1`,
        [challenge.id, outcome, finding, decidedAt],
      );
      if (decided.length === 0) return false;
      if (corrected) {
        await tx.query(
          `INSERT INTO superseded_score (challenge_id, request_id, result, scored_at)
           SELECT $1, request_id, result, scored_at FROM request WHERE request_id = $2`,
          [challenge.id, challenge.requestId],
        );
        await tx.query('UPDATE request SET result = $2, scored_at = $3 WHERE request_id = $1', [
          challenge.requestId,
          JSON.stringify(corrected),
          decidedAt,
        ]);
      }
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
    const [table, columns] = placeOf(key);
    const where = Object.keys(columns).map((column, i) => `${column} = $${values.length + i + 1}`);
    await this.database.query(
      `UPDATE ${table} SET ${set} WHERE ${where.join(' AND ')} AND state = 'waiting'`,
      [...values, ...Object.values(columns)],
    );
  }
}

function placeOf(key: WorkKey): [table: string, columns: Readonly<Record<string, string>>] {
  switch (key.kind) {
    case 'version':
      return ['model_version', { model_id: key.modelId, adapter_digest: key.adapterDigest }];
    case 'audit':
      return ['audit', { model_id: key.modelId, adapter_digest: key.adapterDigest }];
    case 'answer':
      return ['request', { request_id: key.requestId }];
    case 'replay':
      return ['replay', { request_id: key.requestId }];
    case 'challenge':
      return ['challenge', { id: key.challengeId }];
  }
}
