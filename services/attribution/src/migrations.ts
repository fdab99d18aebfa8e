import { ROW_LEASE_TABLE, sqlMigration } from '@openledger/persistence';
import { CreateRecordRegistry } from './migrations/record-registry.js';

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

const AuditReplayChallenge = sqlMigration(
  'AuditReplayChallenge1700000000002',
  `
    -- How long an answer has waited for its model counts from here: it may come long after it was served.
    ALTER TABLE request ADD COLUMN recorded_at timestamptz NOT NULL DEFAULT now();
    CREATE INDEX request_waiting_version ON request (model_id, adapter_digest, served_at) WHERE state = 'waiting';
    CREATE INDEX request_waiting_recorded ON request (recorded_at) WHERE state = 'waiting';
    -- The index is another one now; scores that were made with the one before stand.
    UPDATE model_version SET state = 'waiting', attempts = 0, retry_at = now(), progress = NULL WHERE state = 'done';
    -- Answers that were given up were never published; nobody was paid for them.
    UPDATE request SET state = 'waiting', attempts = 0, retry_at = now() WHERE state = 'failed';
    -- The deep audit of a version, after its index.
    CREATE TABLE audit (
      model_id text NOT NULL,
      adapter_digest text NOT NULL,
      queued_at timestamptz NOT NULL DEFAULT now(),
      state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'done', 'failed')),
      attempts integer NOT NULL DEFAULT 0,
      retry_at timestamptz NOT NULL DEFAULT now(),
      report jsonb,
      failure text,
      audited_at timestamptz,
      PRIMARY KEY (model_id, adapter_digest),
      FOREIGN KEY (model_id, adapter_digest) REFERENCES model_version
    );
    CREATE INDEX audit_waiting ON audit (queued_at) WHERE state = 'waiting';
    -- The newest replay of each answer that one was asked for.
    CREATE TABLE replay (
      request_id text PRIMARY KEY REFERENCES request,
      person_id text NOT NULL,
      asked_at timestamptz NOT NULL DEFAULT now(),
      state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'done', 'failed')),
      attempts integer NOT NULL DEFAULT 0,
      retry_at timestamptz NOT NULL DEFAULT now(),
      result jsonb,
      failure text,
      replayed_at timestamptz
    );
    CREATE INDEX replay_waiting ON replay (asked_at) WHERE state = 'waiting';
    CREATE TABLE challenge (
      id text PRIMARY KEY,
      request_id text NOT NULL REFERENCES request,
      person_id text NOT NULL,
      reason text NOT NULL,
      challenged_at timestamptz NOT NULL,
      state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'done')),
      attempts integer NOT NULL DEFAULT 0,
      retry_at timestamptz NOT NULL DEFAULT now(),
      failure text,
      outcome text CHECK (outcome IN ('dismissed', 'upheld', 'undecidable')),
      finding text,
      decided_at timestamptz,
      UNIQUE (request_id, person_id),
      CHECK ((state = 'done') = (outcome IS NOT NULL))
    );
    CREATE INDEX challenge_waiting ON challenge (challenged_at) WHERE state = 'waiting';
    CREATE INDEX challenge_person ON challenge (person_id, challenged_at);
    -- Scores that a challenge corrected, as they were published.
    CREATE TABLE superseded_score (
      challenge_id text PRIMARY KEY REFERENCES challenge,
      request_id text NOT NULL REFERENCES request,
      result jsonb NOT NULL,
      scored_at timestamptz NOT NULL
    );
    CREATE INDEX superseded_score_request ON superseded_score (request_id);
  `,
);

export const migrations = [CreateAttribution, AuditReplayChallenge, CreateRecordRegistry];
