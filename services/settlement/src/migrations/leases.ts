import { sqlMigration } from '@openledger/persistence';

export const CreateLeases = sqlMigration(
  'CreateLeases1763600000004',
  `
    CREATE TABLE lease (
      id text PRIMARY KEY,
      organisation_id text NOT NULL,
      wanted wei NOT NULL,
      minimum wei NOT NULL,
      granted wei NOT NULL,
      spent wei NOT NULL DEFAULT 0,
      receipts int NOT NULL DEFAULT 0,
      receipts_told int,
      use_until timestamptz NOT NULL,
      abandon_at timestamptz NOT NULL,
      state text NOT NULL CHECK (state IN ('open', 'returned', 'abandoned')),
      CONSTRAINT no_overspending CHECK (spent <= granted)
    );
    CREATE INDEX lease_open ON lease (abandon_at) WHERE state = 'open';
    CREATE INDEX lease_organisation ON lease (organisation_id, use_until) WHERE state = 'open';
    CREATE TABLE model_price (
      model_id text NOT NULL,
      prompt_wei_per_million wei NOT NULL,
      completion_wei_per_million wei NOT NULL,
      PRIMARY KEY (model_id, prompt_wei_per_million, completion_wei_per_million)
    );
    INSERT INTO model_price SELECT id, prompt_wei_per_million, completion_wei_per_million FROM model;
    ALTER TABLE request ADD COLUMN hold_id text, ADD COLUMN told jsonb;
    CREATE TABLE fee_discrepancy (
      request_id text PRIMARY KEY REFERENCES request,
      told_fee text NOT NULL,
      told_prompt_wei_per_million text NOT NULL,
      told_completion_wei_per_million text NOT NULL,
      own_fee wei NOT NULL,
      seen_at timestamptz NOT NULL
    );
    CREATE INDEX fee_discrepancy_seen ON fee_discrepancy (seen_at DESC);
  `,
);

export const IndexEndedLeases = sqlMigration(
  'IndexEndedLeases1763600000005',
  `CREATE INDEX lease_ended ON lease (use_until) WHERE state <> 'open';`,
);
