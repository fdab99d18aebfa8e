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
