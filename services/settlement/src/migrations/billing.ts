import { sqlMigration } from '@openledger/persistence';

/** Prices that a model had before versions were kept come first: when they were in force is not known any more. */
export const CreatePriceVersions = sqlMigration(
  'CreatePriceVersions1763700000501',
  `
    CREATE TABLE price_version (
      model_id text NOT NULL,
      number int NOT NULL,
      prompt_wei_per_million wei NOT NULL,
      -- Null: that of the prompt.
      cached_prompt_wei_per_million wei,
      completion_wei_per_million wei NOT NULL,
      effective_at timestamptz NOT NULL,
      announced_at timestamptz NOT NULL,
      announced_by text NOT NULL,
      PRIMARY KEY (model_id, number),
      CONSTRAINT cached_is_no_dearer CHECK (cached_prompt_wei_per_million <= prompt_wei_per_million)
    );
    INSERT INTO price_version
      SELECT id, row_number() OVER (PARTITION BY id ORDER BY current, prompt, completion), prompt, NULL, completion,
        CASE WHEN current THEN deployed_at ELSE 'epoch' END, deployed_at, ''
      FROM (
        SELECT model.id, model.deployed_at, old.prompt_wei_per_million AS prompt,
          old.completion_wei_per_million AS completion,
          (old.prompt_wei_per_million, old.completion_wei_per_million)
            = (model.prompt_wei_per_million, model.completion_wei_per_million) AS current
        FROM model JOIN model_price old ON old.model_id = model.id
      ) AS known;
    CREATE FUNCTION refuse_billing_change() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$;
    CREATE TRIGGER price_version_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON price_version
      FOR EACH STATEMENT EXECUTE FUNCTION refuse_billing_change();
    ALTER TABLE hold ADD COLUMN cached_prompt_wei_per_million wei;
  `,
);

export const CreateFreeTiers = sqlMigration(
  'CreateFreeTiers1763700000502',
  `
    CREATE TABLE free_tier (
      organisation_id text PRIMARY KEY,
      sponsor text NOT NULL,
      monthly wei NOT NULL,
      changed_at timestamptz NOT NULL
    );
    CREATE TABLE free_grant (
      organisation_id text NOT NULL REFERENCES free_tier,
      month text NOT NULL CHECK (month ~ '^\\d{4}-(0[1-9]|1[0-2])$'),
      sponsor text NOT NULL,
      amount wei NOT NULL,
      spent_before wei NOT NULL,
      granted_at timestamptz NOT NULL,
      returned wei CHECK (returned <= amount),
      closed_at timestamptz,
      PRIMARY KEY (organisation_id, month),
      CHECK ((returned IS NULL) = (closed_at IS NULL))
    );
    CREATE INDEX free_grant_open ON free_grant (organisation_id) WHERE closed_at IS NULL;
  `,
);

export const CreateBudgets = sqlMigration(
  'CreateBudgets1763700000503',
  `
    CREATE TABLE budget (
      organisation_id text PRIMARY KEY,
      monthly wei NOT NULL,
      alert_percents int[] NOT NULL,
      changed_at timestamptz NOT NULL
    );
    CREATE TABLE budget_alert (
      organisation_id text NOT NULL,
      month text NOT NULL,
      percent int NOT NULL,
      told_at timestamptz NOT NULL,
      PRIMARY KEY (organisation_id, month, percent)
    );
  `,
);

export const CreateRefunds = sqlMigration(
  'CreateRefunds1763700000504',
  `
    CREATE TABLE credit_note_series (
      organisation_id text NOT NULL,
      year int NOT NULL,
      last_number int NOT NULL,
      last_issued_at timestamptz NOT NULL,
      PRIMARY KEY (organisation_id, year)
    );
    CREATE TABLE credit_note (
      refund_id uuid PRIMARY KEY,
      request_id text NOT NULL,
      organisation_id text NOT NULL,
      model_id text NOT NULL,
      year int NOT NULL,
      number int NOT NULL,
      fee wei NOT NULL,
      amount wei NOT NULL CHECK (amount > 0),
      asked wei,
      -- Of the answer, this one included.
      refunded wei NOT NULL CHECK (refunded BETWEEN amount AND fee),
      reason text NOT NULL,
      note text NOT NULL,
      issued_by text NOT NULL,
      issued_at timestamptz NOT NULL,
      UNIQUE (organisation_id, year, number),
      -- Two refunds of one answer never start from the same rest.
      UNIQUE (request_id, refunded)
    );
    CREATE TRIGGER credit_note_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON credit_note
      FOR EACH STATEMENT EXECUTE FUNCTION refuse_billing_change();
  `,
);
