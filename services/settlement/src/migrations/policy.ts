import { sqlMigration } from '@openledger/persistence';

export const CreatePolicies = sqlMigration(
  'CreatePolicies1763700000601',
  `
    -- How fees are shared from a time on; never changed, so that any past split can be computed again.
    CREATE TABLE split_policy (
      version int PRIMARY KEY,
      effective_from timestamptz NOT NULL,
      platform_bps int NOT NULL,
      developer_bps int NOT NULL,
      stakers_bps int NOT NULL,
      contributors_bps int NOT NULL,
      node_bps int NOT NULL,
      royalty_bps int NOT NULL,
      -- Of the parameter registry on chain; null where configuration said it.
      registry_version int UNIQUE,
      CHECK (platform_bps + developer_bps + stakers_bps + contributors_bps = 10000)
    );
    CREATE TRIGGER split_policy_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON split_policy
      FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
    -- Whose a worker's signing key is.
    CREATE TABLE node_key (
      public_key text PRIMARY KEY CHECK (public_key ~ '^[0-9a-f]{64}$'),
      organisation_id text NOT NULL
    );
    -- What royalties are computed from: every version of every model, and what it was trained on.
    CREATE TABLE model_version (
      model_id text NOT NULL,
      adapter_digest text NOT NULL,
      developer_organisation_id text NOT NULL,
      parent_model_id text,
      deployed_at timestamptz NOT NULL,
      -- Share of the training data by contributor, ppb; null until an answer of this version was scored.
      base_shares jsonb,
      PRIMARY KEY (model_id, adapter_digest)
    );
    CREATE INDEX model_version_deployed ON model_version (model_id, deployed_at);
  `,
);
