import type { Database, Transaction } from '@openledger/persistence';
import {
  type AnswerStatus,
  type Challenge,
  ReadStore,
  type ReplayAsk,
  type ReplayStatus,
  type VersionStatus,
} from '../application/store-port.js';
import {
  type AnswerRow,
  type ChallengeRow,
  type ReplayRow,
  toAnswer,
  toChallenge,
  toReplayStatus,
  toVersionStatus,
  VERSION_WITH_AUDIT,
  type VersionRow,
} from './rows.js';

export class PostgresReads extends ReadStore {
  constructor(private readonly database: Database) {
    super();
  }

  async version(modelId: string, digest: string): Promise<VersionStatus | undefined> {
    const [row] = await this.database.query<VersionRow>(
      `${VERSION_WITH_AUDIT} WHERE model_id = $1 AND adapter_digest = $2`,
      [modelId, digest],
    );
    return row && toVersionStatus(row);
  }

  async versionsOf(modelId: string, limit: number): Promise<VersionStatus[]> {
    const rows = await this.database.query<VersionRow>(
      `${VERSION_WITH_AUDIT} WHERE model_id = $1 ORDER BY deployed_at DESC, adapter_digest LIMIT $2`,
      [modelId, limit],
    );
    return rows.map(toVersionStatus).reverse();
  }

  async answer(requestId: string): Promise<AnswerStatus | undefined> {
    const [row] = await this.database.query<AnswerRow>('SELECT * FROM request WHERE request_id = $1', [
      requestId,
    ]);
    return row && toAnswer(row);
  }

  async challenge(id: string): Promise<Challenge | undefined> {
    const [row] = await this.database.query<ChallengeRow>('SELECT * FROM challenge WHERE id = $1', [id]);
    return row && toChallenge(row);
  }

  insertChallenge(challenge: Challenge, perDay: number): Promise<Challenge | 'too-many'> {
    const { id, requestId, personId, reason, challengedAt } = challenge;
    return this.database.transaction(async (tx) => {
      await lockPerson(tx, personId);
      const [before] = await tx.query<ChallengeRow>(
        'SELECT * FROM challenge WHERE request_id = $1 AND person_id = $2',
        [requestId, personId],
      );
      if (before) return toChallenge(before);
      const today = await tx.query(
        `SELECT 1 FROM challenge WHERE person_id = $1 AND challenged_at > $2::timestamptz - interval '1 day' LIMIT $3`,
        [personId, challengedAt, perDay],
      );
      if (today.length >= perDay) return 'too-many';
      await tx.query(
        'INSERT INTO challenge (id, request_id, person_id, reason, challenged_at) VALUES ($1, $2, $3, $4, $5)',
        [id, requestId, personId, reason, challengedAt],
      );
      return challenge;
    });
  }

  askReplay({ requestId, personId, freshMs, waitingMax }: ReplayAsk): Promise<ReplayStatus | 'too-many'> {
    return this.database.transaction(async (tx) => {
      await lockPerson(tx, personId);
      const [before] = await tx.query<ReplayRow>(
        `SELECT * FROM replay WHERE request_id = $1
           AND (state = 'waiting' OR replayed_at > now() - make_interval(secs => $2 / 1000.0))`,
        [requestId, freshMs],
      );
      if (before) return toReplayStatus(before);
      const waiting = await tx.query(
        `SELECT 1 FROM replay WHERE person_id = $1 AND state = 'waiting' LIMIT $2`,
        [personId, waitingMax],
      );
      if (waiting.length >= waitingMax) return 'too-many';
      await tx.query(
        `INSERT INTO replay (request_id, person_id) VALUES ($1, $2)
         ON CONFLICT (request_id) DO UPDATE SET person_id = excluded.person_id, asked_at = now(), state = 'waiting',
           attempts = 0, retry_at = now(), result = NULL, failure = NULL, replayed_at = NULL
         WHERE replay.state <> 'waiting'`,
        [requestId, personId],
      );
      return { state: 'waiting' };
    });
  }

  async replay(requestId: string): Promise<ReplayStatus | undefined> {
    const [row] = await this.database.query<ReplayRow>('SELECT * FROM replay WHERE request_id = $1', [
      requestId,
    ]);
    return row && toReplayStatus(row);
  }

  async partiesOf(contributorIds: readonly string[]): Promise<Map<string, string>> {
    const members = await this.database.query<{ contributor_id: string; party_id: string }>(
      'SELECT contributor_id, party_id FROM party_member WHERE contributor_id = ANY($1::text[])',
      [[...contributorIds]],
    );
    return new Map(members.map(({ contributor_id, party_id }) => [contributor_id, party_id]));
  }
}

/** Until commit, so that limits of a person hold whatever he sends at once. */
async function lockPerson(tx: Transaction, personId: string): Promise<void> {
  await tx.query('SELECT pg_advisory_xact_lock(hashtext($1), hashtext($2))', [
    'attribution.person',
    personId,
  ]);
}
