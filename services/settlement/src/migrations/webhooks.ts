import { sqlMigration } from '@openledger/persistence';

export const CreateWebhooks = sqlMigration(
  'CreateWebhooks1763700000701',
  `
    CREATE TABLE webhook_endpoint (
      id uuid PRIMARY KEY,
      owner_id text NOT NULL,
      url text NOT NULL,
      types text[] NOT NULL,
      secret text NOT NULL,
      -- Signs beside the new one until then, so that receivers can change over.
      previous_secret text,
      previous_until timestamptz,
      state text NOT NULL CHECK (state IN ('active', 'disabled')),
      reason text,
      created_at timestamptz NOT NULL
    );
    CREATE INDEX webhook_endpoint_owner ON webhook_endpoint (owner_id);
    CREATE TABLE webhook_message (
      id uuid PRIMARY KEY,
      owner_id text NOT NULL,
      type text NOT NULL,
      body text NOT NULL,
      occurred_at timestamptz NOT NULL
    );
    CREATE INDEX webhook_message_owner ON webhook_message (owner_id, occurred_at, id);
    CREATE INDEX webhook_message_age ON webhook_message (occurred_at);
    CREATE TABLE webhook_delivery (
      endpoint_id uuid NOT NULL REFERENCES webhook_endpoint ON DELETE CASCADE,
      message_id uuid NOT NULL REFERENCES webhook_message ON DELETE CASCADE,
      state text NOT NULL CHECK (state IN ('waiting', 'delivered', 'failed')),
      attempts int NOT NULL DEFAULT 0,
      due_at timestamptz,
      last_status int,
      last_error text,
      attempted_at timestamptz,
      PRIMARY KEY (endpoint_id, message_id)
    );
    CREATE INDEX webhook_delivery_due ON webhook_delivery (due_at) WHERE state = 'waiting';
    CREATE INDEX webhook_delivery_message ON webhook_delivery (message_id);
  `,
);
