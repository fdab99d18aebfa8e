import { type MigrationClass, sqlMigration } from '@openledger/persistence';

export const migrations: readonly MigrationClass[] = [
  sqlMigration(
    'CreateAccounts1700000000001',
    `
    CREATE TABLE person (
      person_id uuid PRIMARY KEY,
      wallet_address text NOT NULL UNIQUE,
      display_name text NOT NULL,
      registered_at timestamptz NOT NULL
    );
    CREATE TABLE organisation (
      organisation_id uuid PRIMARY KEY,
      name text NOT NULL,
      owner_person_id uuid NOT NULL REFERENCES person,
      created_at timestamptz NOT NULL
    );
    CREATE INDEX organisation_owner ON organisation (owner_person_id, organisation_id);
    CREATE TABLE used_nonce (
      nonce text PRIMARY KEY,
      expires_at timestamptz NOT NULL
    );
    CREATE INDEX used_nonce_expiry ON used_nonce (expires_at);
    CREATE TABLE credential (
      credential_id text PRIMARY KEY,
      kind text NOT NULL CHECK (kind IN ('api-key', 'session')),
      digest text NOT NULL,
      person_id uuid NOT NULL REFERENCES person,
      organisation_id uuid REFERENCES organisation,
      name text NOT NULL,
      scopes text[] NOT NULL,
      created_at timestamptz NOT NULL,
      expires_at timestamptz,
      revoked_at timestamptz,
      last_used_at timestamptz
    );
    CREATE INDEX credential_person ON credential (person_id, created_at);
    CREATE INDEX session_expiry ON credential (expires_at) WHERE kind = 'session';
    `,
  ),
  sqlMigration(
    'LimitApiKeys1700000000002',
    `
    ALTER TABLE credential
      ADD COLUMN requests_per_minute integer CHECK (requests_per_minute > 0),
      ADD COLUMN tokens_per_minute integer CHECK (tokens_per_minute > 0);
    `,
  ),
];
