import { sqlMigration } from '@openledger/persistence';

export const migrations = [
  sqlMigration(
    'CreateGateway1700000000001',
    `CREATE TABLE model (
       model_id text PRIMARY KEY,
       name text NOT NULL,
       developer_organisation_id text NOT NULL,
       base_digest text NOT NULL,
       base_name text NOT NULL,
       adapter_digest text NOT NULL,
       config_blob text NOT NULL,
       weights_blob text NOT NULL,
       deployed_at timestamptz NOT NULL
     );
     CREATE INDEX model_by_name ON model (name, deployed_at DESC);
     -- A name belongs to the organisation that deployed it first, so nobody can put another model behind it.
     CREATE TABLE model_name (
       name text PRIMARY KEY,
       developer_organisation_id text NOT NULL
     );
     CREATE TABLE served_request (
       request_id uuid PRIMARY KEY,
       organisation_id text NOT NULL,
       model_id text NOT NULL,
       model_name text NOT NULL,
       adapter_digest text NOT NULL,
       hold_id text NOT NULL,
       tokens_blob text NOT NULL,
       prompt_tokens integer NOT NULL,
       completion_tokens integer NOT NULL,
       finish_reason text NOT NULL,
       served_at timestamptz NOT NULL,
       time_to_first_token_ms integer NOT NULL,
       duration_ms integer NOT NULL
     );
     CREATE INDEX served_request_by_organisation ON served_request (organisation_id, served_at DESC);`,
  ),
  sqlMigration(
    'CreateSpendLeases1700000000002',
    `-- Null where a model was deployed before its price was kept: then settlement is asked.
     ALTER TABLE model
       ADD COLUMN prompt_wei_per_million numeric(39, 0) CHECK (prompt_wei_per_million >= 0),
       ADD COLUMN completion_wei_per_million numeric(39, 0) CHECK (completion_wei_per_million >= 0);
     ALTER TABLE served_request
       ADD COLUMN cached_tokens integer NOT NULL DEFAULT 0,
       ADD COLUMN prompt_wei_per_million numeric(39, 0),
       ADD COLUMN completion_wei_per_million numeric(39, 0),
       ADD COLUMN fee numeric(39, 0),
       ADD COLUMN worker_statement text,
       ADD COLUMN worker_public_key bytea,
       ADD COLUMN worker_signature bytea;
     CREATE INDEX served_request_by_hold ON served_request (hold_id) WHERE hold_id <> '';
     CREATE TABLE spend_lease (
       id text PRIMARY KEY,
       organisation_id text NOT NULL,
       alive_until timestamptz NOT NULL,
       closed_at timestamptz
     );`,
  ),
  sqlMigration(
    'CreateIdempotencyKeys1700000000003',
    `CREATE TABLE idempotency_key (
       organisation_id text NOT NULL,
       key text NOT NULL,
       fingerprint text NOT NULL,
       claim_id uuid NOT NULL,
       -- Of the claim while the request runs, then of the answer that is kept.
       ends_at timestamptz NOT NULL,
       headers jsonb,
       body bytea,
       PRIMARY KEY (organisation_id, key)
     );
     CREATE INDEX idempotency_key_by_end ON idempotency_key (ends_at);`,
  ),
  sqlMigration(
    'PriceCachedTokens1700000000004',
    `-- Null: that of the prompt.
     ALTER TABLE model ADD COLUMN cached_prompt_wei_per_million numeric(39, 0)
       CHECK (cached_prompt_wei_per_million BETWEEN 0 AND prompt_wei_per_million);
     ALTER TABLE served_request ADD COLUMN cached_prompt_wei_per_million numeric(39, 0);`,
  ),
];
