import { type MigrationClass, sqlMigration } from '@openledger/persistence';

export const migrations: readonly MigrationClass[] = [
  sqlMigration(
    'CreateIngestion1700000000001',
    `
    CREATE TABLE datanet (
      datanet_id uuid PRIMARY KEY,
      owner_organisation_id uuid NOT NULL,
      owner_person_id uuid NOT NULL,
      name text NOT NULL,
      domain text NOT NULL,
      licence text NOT NULL,
      record_kind text NOT NULL CHECK (record_kind IN ('instruction', 'text')),
      min_characters integer NOT NULL,
      max_characters integer NOT NULL,
      permits_training boolean NOT NULL,
      permits_commercial_use boolean NOT NULL,
      created_at timestamptz NOT NULL
    );
    CREATE TABLE contribution (
      contribution_id uuid PRIMARY KEY,
      datanet_id uuid NOT NULL REFERENCES datanet,
      contributor_id uuid NOT NULL,
      wallet_address text NOT NULL,
      licence text NOT NULL,
      records_blob text NOT NULL,
      record_count integer NOT NULL CHECK (record_count > 0),
      merkle_root text NOT NULL,
      status text NOT NULL
        CHECK (status IN ('awaiting-signature', 'received', 'accepted', 'quarantined', 'rejected')),
      created_at timestamptz NOT NULL,
      expires_at timestamptz NOT NULL,
      signature text,
      received_at timestamptz,
      accepted_count integer,
      quarantined_count integer,
      rejected_count integer,
      reasons jsonb,
      verdicts_blob text,
      assessed_at timestamptz,
      CHECK ((status = 'awaiting-signature') = (signature IS NULL))
    );
    CREATE INDEX contribution_datanet ON contribution (datanet_id, contribution_id);
    CREATE INDEX contribution_unsigned ON contribution (contributor_id, expires_at)
      WHERE status = 'awaiting-signature';
    `,
  ),
  sqlMigration(
    'Withdrawal1700000000002',
    `
    ALTER TABLE contribution
      DROP CONSTRAINT contribution_status_check,
      DROP CONSTRAINT contribution_check,
      ADD COLUMN withdrawn_at timestamptz,
      ADD COLUMN withdrawal_reason text,
      ADD CONSTRAINT contribution_status_check CHECK
        (status IN ('awaiting-signature', 'received', 'accepted', 'quarantined', 'rejected', 'withdrawn')),
      ADD CONSTRAINT contribution_signed_check CHECK
        (status = 'withdrawn' OR (status = 'awaiting-signature') = (signature IS NULL)),
      ADD CONSTRAINT contribution_withdrawn_check CHECK ((status = 'withdrawn') = (withdrawn_at IS NOT NULL));
    -- One that was withdrawn before it was signed is forgotten like those that nobody signs.
    DROP INDEX contribution_unsigned;
    CREATE INDEX contribution_unsigned ON contribution (contributor_id, expires_at) WHERE signature IS NULL;
    `,
  ),
];
