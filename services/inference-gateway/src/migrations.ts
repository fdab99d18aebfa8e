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
];
