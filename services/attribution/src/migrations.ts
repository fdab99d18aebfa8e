import { ROW_LEASE_TABLE, sqlMigration } from '@openledger/persistence';

const CreateAttribution = sqlMigration(
  'CreateAttribution1700000000001',
  `
    -- Deployed adapters. One digest may serve two models: equal data, plan and seed give equal bytes.
    CREATE TABLE model_version (
      model_id text NOT NULL,
      adapter_digest text NOT NULL,
      base_digest text NOT NULL,
      adapter_config_blob text NOT NULL,
      adapter_weights_blob text NOT NULL,
      lineage_blob text NOT NULL,
      training_log_blob text NOT NULL,
      deployed_at timestamptz NOT NULL,
      state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'done', 'failed')),
      attempts integer NOT NULL DEFAULT 0,
      retry_at timestamptz NOT NULL DEFAULT now(),
      progress jsonb,
      index jsonb,
      failure text,
      PRIMARY KEY (model_id, adapter_digest)
    );
    CREATE INDEX model_version_waiting ON model_version (deployed_at) WHERE state = 'waiting';
    CREATE TABLE request (
      request_id text PRIMARY KEY,
      model_id text NOT NULL,
      adapter_digest text NOT NULL,
      payer_organisation_id text NOT NULL,
      tokens_blob text NOT NULL,
      served_at timestamptz NOT NULL,
      state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'done', 'failed')),
      attempts integer NOT NULL DEFAULT 0,
      retry_at timestamptz NOT NULL DEFAULT now(),
      result jsonb,
      failure text,
      scored_at timestamptz
    );
    CREATE INDEX request_waiting ON request (served_at) WHERE state = 'waiting';
    -- Contributors who share a party with others; a contributor without a row is his own party.
    CREATE TABLE party_member (
      contributor_id text PRIMARY KEY,
      party_id text NOT NULL,
      changed_at timestamptz NOT NULL
    );
    CREATE INDEX party_member_party ON party_member (party_id);
    -- One replica works at a time; a dead one's lease runs out.
    ${ROW_LEASE_TABLE}
  `,
);

export const migrations = [CreateAttribution];
