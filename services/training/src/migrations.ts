import { ROW_LEASE_TABLE, sqlMigration } from '@openledger/persistence';

const CreateTraining = sqlMigration(
  'CreateTraining1700000000001',
  `
    CREATE TABLE datanet (
      id text PRIMARY KEY,
      name text NOT NULL,
      licence text NOT NULL,
      training_permitted boolean NOT NULL,
      commercial_permitted boolean NOT NULL
    );
    CREATE TABLE contribution (
      id text PRIMARY KEY,
      datanet_id text NOT NULL,
      contributor_id text NOT NULL,
      accepted_blob text NOT NULL,
      accepted_count integer NOT NULL,
      position bigint GENERATED ALWAYS AS IDENTITY
    );
    CREATE INDEX contribution_datanet ON contribution (datanet_id, position);
    CREATE TABLE run (
      id uuid PRIMARY KEY,
      model_id uuid NOT NULL,
      organisation_id text NOT NULL,
      plan jsonb NOT NULL,
      -- The contributions the run was created over; later ones are not in it.
      contribution_ids text[] NOT NULL,
      status text NOT NULL,
      progress jsonb,
      evaluation jsonb,
      adapter_digest text,
      lineage_blob text,
      failure text,
      created_at timestamptz NOT NULL DEFAULT now(),
      ended_at timestamptz
    );
    CREATE INDEX run_waiting ON run (created_at) WHERE status IN ('queued', 'running');
    CREATE INDEX run_organisation ON run (organisation_id, created_at DESC, id DESC);
    -- One replica executes at a time; a dead one's lease runs out.
    ${ROW_LEASE_TABLE}
    CREATE TABLE model (
      id uuid PRIMARY KEY,
      name text NOT NULL UNIQUE,
      organisation_id text NOT NULL
    );
  `,
);

const CreateModelImport = sqlMigration(
  'CreateModelImport1700000000002',
  `
    -- Adapters that were trained elsewhere.
    CREATE TABLE model_import (
      id uuid PRIMARY KEY,
      model_id uuid NOT NULL REFERENCES model (id),
      organisation_id text NOT NULL,
      adapter_digest text NOT NULL,
      lineage_blob text NOT NULL,
      lora jsonb NOT NULL,
      imported_at timestamptz NOT NULL
    );
    CREATE INDEX model_import_model ON model_import (model_id, imported_at DESC);
  `,
);

const CreateWithdrawal = sqlMigration(
  'CreateWithdrawal1700000000003',
  `
    -- Contributions that were taken back; apart, as a withdrawal may arrive before what it withdraws.
    CREATE TABLE withdrawn_contribution (
      id text PRIMARY KEY,
      withdrawn_at timestamptz NOT NULL
    );
  `,
);

export const migrations = [CreateTraining, CreateModelImport, CreateWithdrawal];
