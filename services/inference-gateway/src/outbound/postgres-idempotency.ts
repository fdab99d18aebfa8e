import { newId } from '@openledger/kernel';
import type { Database } from '@openledger/persistence';
import type { Claim, IdempotencyBook, KeptReply, KeyedRequest } from '../application/idempotency.js';

export interface PostgresIdempotencyOptions {
  /** How long an answer is given again. */
  readonly keepMs: number;
  /** A claim that is not renewed for so long was of a process that ended. */
  readonly claimMs: number;
}

interface KeyRow {
  fingerprint: string;
  headers: Record<string, string> | null;
  body: Buffer | null;
}

/** Deleted at once, and so often in one pass: together more than a gateway can add between two. */
const SWEPT_MAX = 1_000;
const SWEEPS_MAX = 100;

/** Keys by the database's clock, so that gateways need not agree on the time. */
export class PostgresIdempotency implements IdempotencyBook {
  constructor(
    private readonly database: Database,
    private readonly options: PostgresIdempotencyOptions,
  ) {}

  async claim({ organisationId, key, fingerprint }: KeyedRequest): Promise<Claim> {
    const claimId = newId();
    const claimed = await this.database.query(
      `INSERT INTO idempotency_key (organisation_id, key, fingerprint, claim_id, ends_at)
       VALUES ($1, $2, $3, $4, now() + $5 * interval '1 ms')
       ON CONFLICT (organisation_id, key) DO UPDATE SET
         fingerprint = excluded.fingerprint, claim_id = excluded.claim_id, ends_at = excluded.ends_at,
         headers = NULL, body = NULL
       WHERE idempotency_key.ends_at <= now()
       RETURNING key`,
      [organisationId, key, fingerprint, claimId, this.options.claimMs],
    );
    if (claimed.length > 0) return { kind: 'ours', claimId };
    const [row] = await this.database.query<KeyRow>(
      'SELECT fingerprint, headers, body FROM idempotency_key WHERE organisation_id = $1 AND key = $2',
      [organisationId, key],
    );
    if (row && row.fingerprint !== fingerprint) return { kind: 'different' };
    if (!row?.body || !row.headers) return { kind: 'running' };
    return { kind: 'answered', reply: { headers: row.headers, body: row.body } };
  }

  async renew({ organisationId, key }: KeyedRequest, claimId: string): Promise<void> {
    await this.database.query(
      `UPDATE idempotency_key SET ends_at = now() + $4 * interval '1 ms'
       WHERE organisation_id = $1 AND key = $2 AND claim_id = $3`,
      [organisationId, key, claimId, this.options.claimMs],
    );
  }

  async keep({ organisationId, key }: KeyedRequest, claimId: string, reply: KeptReply): Promise<void> {
    await this.database.query(
      `UPDATE idempotency_key SET headers = $4, body = $5, ends_at = now() + $6 * interval '1 ms'
       WHERE organisation_id = $1 AND key = $2 AND claim_id = $3`,
      [organisationId, key, claimId, JSON.stringify(reply.headers), reply.body, this.options.keepMs],
    );
  }

  async release({ organisationId, key }: KeyedRequest, claimId: string): Promise<void> {
    await this.database.query(
      'DELETE FROM idempotency_key WHERE organisation_id = $1 AND key = $2 AND claim_id = $3',
      [organisationId, key, claimId],
    );
  }

  /** Forgets what nobody may ask for any more. */
  async sweep(): Promise<void> {
    for (let sweeps = 0; sweeps < SWEEPS_MAX; sweeps += 1) {
      const swept = await this.database.query(
        `DELETE FROM idempotency_key WHERE (organisation_id, key) IN
           (SELECT organisation_id, key FROM idempotency_key WHERE ends_at <= now() LIMIT $1) RETURNING 1`,
        [SWEPT_MAX],
      );
      if (swept.length < SWEPT_MAX) return;
    }
  }
}
