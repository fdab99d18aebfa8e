import type { Database, Transaction } from '@openledger/persistence';
import {
  type DeliveryOutcome,
  type DueDelivery,
  type WebhookDelivery,
  type WebhookEndpoint,
  WebhookStore,
} from '../../application/webhooks/webhook-ports.js';
import type { WebhookMessage, WebhookType } from '../../domain/webhooks/webhook.js';

interface EndpointRow {
  readonly id: string;
  readonly owner_id: string;
  readonly url: string;
  readonly types: WebhookType[];
  readonly secret: string;
  readonly previous_secret: string | null;
  readonly previous_until: Date | null;
  readonly state: WebhookEndpoint['state'];
  readonly reason: string | null;
  readonly created_at: Date;
}

interface DueRow extends EndpointRow {
  readonly message_id: string;
  readonly type: WebhookType;
  readonly body: string;
  readonly occurred_at: Date;
  readonly attempts: number;
}

interface DeliveryRow {
  readonly message_id: string;
  readonly type: WebhookType;
  readonly state: WebhookDelivery['state'];
  readonly attempts: number;
  readonly due_at: Date | null;
  readonly last_status: number | null;
  readonly last_error: string | null;
  readonly occurred_at: Date;
}

/** Fans messages out to the endpoints that want them. */
const QUEUE = `
  INSERT INTO webhook_delivery (endpoint_id, message_id, state, due_at)
  SELECT endpoint.id, message.id, 'waiting', message.occurred_at
  FROM webhook_message message JOIN webhook_endpoint endpoint ON endpoint.owner_id = message.owner_id
  WHERE message.id = ANY($1::uuid[]) AND endpoint.state = 'active' AND message.type = ANY(endpoint.types)
  ON CONFLICT DO NOTHING`;

export class PostgresWebhooks extends WebhookStore {
  constructor(private readonly database: Database) {
    super();
  }

  insert(endpoint: WebhookEndpoint, max: number): Promise<boolean> {
    return this.database.transaction(async (tx) => {
      await tx.query('SELECT pg_advisory_xact_lock(hashtext($1), hashtext($2))', [
        'settlement.webhook',
        endpoint.ownerId,
      ]);
      const inserted = await tx.query(
        `INSERT INTO webhook_endpoint (id, owner_id, url, types, secret, state, created_at)
         SELECT $1, $2, $3, $4, $5, $6, $7
         WHERE (SELECT count(*) FROM webhook_endpoint WHERE owner_id = $2) < $8 RETURNING 1`,
        [
          endpoint.id,
          endpoint.ownerId,
          endpoint.url,
          [...endpoint.types],
          endpoint.secrets[0],
          endpoint.state,
          endpoint.createdAt,
          max,
        ],
      );
      return inserted.length > 0;
    });
  }

  async list(ownerId: string): Promise<WebhookEndpoint[]> {
    const rows = await this.database.query<EndpointRow>(
      'SELECT * FROM webhook_endpoint WHERE owner_id = $1 ORDER BY created_at, id',
      [ownerId],
    );
    return rows.map((row) => toEndpoint(row));
  }

  async find(ownerId: string, id: string): Promise<WebhookEndpoint | undefined> {
    const [row] = await this.database.query<EndpointRow>(
      'SELECT * FROM webhook_endpoint WHERE owner_id = $1 AND id::text = $2',
      [ownerId, id],
    );
    return row && toEndpoint(row);
  }

  async delete(ownerId: string, id: string): Promise<boolean> {
    const deleted = await this.database.query(
      'DELETE FROM webhook_endpoint WHERE owner_id = $1 AND id::text = $2 RETURNING 1',
      [ownerId, id],
    );
    return deleted.length > 0;
  }

  async rotate(id: string, secret: string, previousUntil: Date): Promise<void> {
    await this.database.query(
      'UPDATE webhook_endpoint SET previous_secret = secret, previous_until = $3, secret = $2 WHERE id = $1',
      [id, secret, previousUntil],
    );
  }

  async setState(id: string, state: WebhookEndpoint['state'], reason?: string): Promise<void> {
    await this.database.query('UPDATE webhook_endpoint SET state = $2, reason = $3 WHERE id = $1', [
      id,
      state,
      reason ?? null,
    ]);
  }

  async listeners(type: WebhookType, ownerIds?: readonly string[]): Promise<string[]> {
    const rows = await this.database.query<{ owner_id: string }>(
      `SELECT DISTINCT owner_id FROM webhook_endpoint
       WHERE state = 'active' AND $1 = ANY(types) AND ($2::text[] IS NULL OR owner_id = ANY($2::text[]))
       ORDER BY owner_id`,
      [type, ownerIds ? [...ownerIds] : null],
    );
    return rows.map((row) => row.owner_id);
  }

  async ownersOf(wallet: string): Promise<string[]> {
    const rows = await this.database.query<{ id: string }>('SELECT id FROM payee WHERE wallet = $1', [
      wallet.toLowerCase(),
    ]);
    return rows.map((row) => row.id);
  }

  async publish(messages: readonly WebhookMessage[]): Promise<void> {
    if (messages.length === 0) return;
    await this.database.transaction(async (tx) => {
      await keep(tx, messages);
      await tx.query(QUEUE, [messages.map((message) => message.id)]);
    });
  }

  async publishTo(endpointId: string, message: WebhookMessage): Promise<void> {
    await this.database.transaction(async (tx) => {
      await keep(tx, [message]);
      await tx.query(
        `INSERT INTO webhook_delivery (endpoint_id, message_id, state, due_at) VALUES ($1, $2, 'waiting', $3)`,
        [endpointId, message.id, message.occurredAt],
      );
    });
  }

  async take(now: Date, busyUntil: Date, limit: number): Promise<DueDelivery[]> {
    const rows = await this.database.query<DueRow>(
      `WITH due AS (
         SELECT delivery.endpoint_id, delivery.message_id FROM webhook_delivery delivery
         JOIN webhook_endpoint endpoint ON endpoint.id = delivery.endpoint_id
         WHERE delivery.state = 'waiting' AND delivery.due_at <= $1 AND endpoint.state = 'active'
         ORDER BY delivery.due_at, delivery.message_id LIMIT $3 FOR UPDATE OF delivery SKIP LOCKED
       ), taken AS (
         UPDATE webhook_delivery delivery SET due_at = $2 FROM due
         WHERE delivery.endpoint_id = due.endpoint_id AND delivery.message_id = due.message_id
         RETURNING delivery.endpoint_id, delivery.message_id, delivery.attempts
       )
       SELECT endpoint.*, message.id AS message_id, message.type, message.body, message.occurred_at, taken.attempts
       FROM taken JOIN webhook_endpoint endpoint ON endpoint.id = taken.endpoint_id
       JOIN webhook_message message ON message.id = taken.message_id`,
      [now, busyUntil, limit],
    );
    return rows.map((row) => ({
      endpoint: toEndpoint(row, now),
      message: {
        id: row.message_id,
        ownerId: row.owner_id,
        type: row.type,
        body: row.body,
        occurredAt: row.occurred_at,
      },
      attempts: row.attempts,
    }));
  }

  async record(outcome: DeliveryOutcome): Promise<void> {
    await this.database.query(
      `UPDATE webhook_delivery SET state = $3, due_at = $4, last_status = $5, last_error = $6, attempted_at = $7,
         attempts = attempts + 1
       WHERE endpoint_id = $1 AND message_id = $2`,
      [
        outcome.endpointId,
        outcome.messageId,
        outcome.state,
        outcome.dueAt ?? null,
        outcome.status ?? null,
        outcome.error ?? null,
        outcome.attemptedAt,
      ],
    );
  }

  async deliveries(endpointId: string, limit: number): Promise<WebhookDelivery[]> {
    const rows = await this.database.query<DeliveryRow>(
      `SELECT delivery.*, message.type, message.occurred_at FROM webhook_delivery delivery
       JOIN webhook_message message ON message.id = delivery.message_id
       WHERE endpoint_id = $1 ORDER BY message.occurred_at DESC, message.id DESC LIMIT $2`,
      [endpointId, limit],
    );
    return rows.map((row) => ({
      messageId: row.message_id,
      type: row.type,
      state: row.state,
      attempts: row.attempts,
      ...(row.due_at === null ? {} : { dueAt: row.due_at }),
      ...(row.last_status === null ? {} : { lastStatus: row.last_status }),
      ...(row.last_error === null ? {} : { lastError: row.last_error }),
      occurredAt: row.occurred_at,
    }));
  }

  async replay({ id, ownerId, types }: WebhookEndpoint, since: Date, now: Date): Promise<number> {
    const queued = await this.database.query(
      `INSERT INTO webhook_delivery (endpoint_id, message_id, state, due_at)
       SELECT $1, message.id, 'waiting', $5 FROM webhook_message message
       WHERE owner_id = $2 AND occurred_at >= $3 AND type = ANY($4::text[])
       ON CONFLICT (endpoint_id, message_id) DO UPDATE SET state = 'waiting', attempts = 0, due_at = $5
       RETURNING 1`,
      [id, ownerId, since, [...types], now],
    );
    return queued.length;
  }

  async forget(before: Date, limit: number): Promise<number> {
    const deleted = await this.database.query(
      `DELETE FROM webhook_message WHERE id IN (
         SELECT id FROM webhook_message WHERE occurred_at < $1 ORDER BY occurred_at LIMIT $2) RETURNING 1`,
      [before, limit],
    );
    return deleted.length;
  }
}

async function keep(tx: Transaction, messages: readonly WebhookMessage[]): Promise<void> {
  await tx.query(
    `INSERT INTO webhook_message (id, owner_id, type, body, occurred_at)
     SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[]) ON CONFLICT DO NOTHING`,
    [
      messages.map((message) => message.id),
      messages.map((message) => message.ownerId),
      messages.map((message) => message.type),
      messages.map((message) => message.body),
      messages.map((message) => message.occurredAt),
    ],
  );
}

const toEndpoint = (row: EndpointRow, now?: Date): WebhookEndpoint => ({
  id: row.id,
  ownerId: row.owner_id,
  url: row.url,
  types: row.types,
  secrets: [
    row.secret,
    ...(row.previous_secret !== null && now && row.previous_until && row.previous_until > now
      ? [row.previous_secret]
      : []),
  ],
  state: row.state,
  ...(row.reason === null ? {} : { reason: row.reason }),
  createdAt: row.created_at,
});
