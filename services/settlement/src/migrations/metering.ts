import { sqlMigration } from '@openledger/persistence';

export const CreateMetering = sqlMigration(
  'CreateMetering1763600000002',
  `
    CREATE TABLE model (
      id text PRIMARY KEY,
      name text NOT NULL,
      developer_organisation_id text NOT NULL,
      base_digest text NOT NULL,
      prompt_wei_per_million wei NOT NULL,
      completion_wei_per_million wei NOT NULL,
      deployed_at timestamptz NOT NULL
    );
    CREATE TABLE payee (
      id text PRIMARY KEY,
      name text NOT NULL,
      wallet text NOT NULL CHECK (wallet ~ '^0x[0-9a-f]{40}$')
    );
    CREATE TABLE party_member (
      contributor_id text PRIMARY KEY,
      party_id text NOT NULL,
      reason text NOT NULL,
      changed_at timestamptz NOT NULL
    );
    CREATE INDEX party_member_party ON party_member (party_id);
    CREATE TABLE hold (
      request_id text PRIMARY KEY,
      organisation_id text NOT NULL,
      model_id text NOT NULL,
      prompt_tokens int NOT NULL,
      completion_tokens_max int NOT NULL,
      held wei NOT NULL,
      prompt_wei_per_million wei NOT NULL,
      completion_wei_per_million wei NOT NULL,
      expires_at timestamptz NOT NULL,
      state text NOT NULL CHECK (state IN ('held', 'posted', 'released', 'expired'))
    );
    CREATE INDEX hold_expiry ON hold (expires_at) WHERE state = 'held';
    CREATE TABLE request (
      id text PRIMARY KEY,
      organisation_id text,
      model_id text,
      prompt_tokens int,
      completion_tokens int,
      served_at timestamptz,
      attribution jsonb,
      priced wei,
      fee wei,
      credited_at timestamptz
    );
    CREATE INDEX request_unmetered ON request (model_id) WHERE served_at IS NOT NULL AND fee IS NULL;
    CREATE INDEX request_credited ON request (credited_at) WHERE credited_at IS NOT NULL;
    CREATE TABLE receipt_part (
      request_id text NOT NULL REFERENCES request,
      number int NOT NULL,
      role text NOT NULL,
      payee_id text NOT NULL,
      party_id text NOT NULL,
      amount wei NOT NULL,
      PRIMARY KEY (request_id, number)
    );
    CREATE INDEX receipt_part_payee ON receipt_part (payee_id, request_id) WHERE payee_id <> '';
  `,
);
