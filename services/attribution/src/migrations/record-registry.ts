import { sqlMigration } from '@openledger/persistence';

/** Tables of the record registry. */
export const CreateRecordRegistry = sqlMigration(
  'CreateRecordRegistry1700000000003',
  `
    CREATE TABLE registered_contribution (
      contribution_id text PRIMARY KEY,
      datanet_id text NOT NULL,
      contributor_id text NOT NULL,
      accepted_blob text NOT NULL,
      accepted_at timestamptz NOT NULL
    );
    -- One content may stand in several contributions.
    CREATE TABLE registered_record (
      record_id text NOT NULL,
      contribution_id text NOT NULL REFERENCES registered_contribution ON DELETE CASCADE,
      content_hashes text[] NOT NULL,
      PRIMARY KEY (record_id, contribution_id)
    );
    CREATE INDEX registered_record_contribution ON registered_record (contribution_id);
    -- Apart, as a withdrawal may arrive before what it withdraws.
    CREATE TABLE withdrawn_contribution (
      contribution_id text PRIMARY KEY,
      datanet_id text NOT NULL,
      contributor_id text NOT NULL,
      reason text NOT NULL,
      withdrawn_at timestamptz NOT NULL
    );
    CREATE INDEX withdrawn_contribution_contributor ON withdrawn_contribution (contributor_id, contribution_id);
  `,
);
