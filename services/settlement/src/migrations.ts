import { type MigrationClass, sqlMigration } from '@openledger/persistence';

/** 39 digits hold any uint128, and the whole supply of 1e27 wei many times over; a bigint column would not. */
const CreateLedger = sqlMigration(
  'CreateLedger1763600000001',
  `
    CREATE DOMAIN wei AS numeric(39, 0) CHECK (VALUE >= 0);
    CREATE TABLE account (
      id text PRIMARY KEY,
      kind text NOT NULL CHECK (kind IN ('asset', 'liability', 'open')),
      debits_pending wei NOT NULL DEFAULT 0,
      debits_posted wei NOT NULL DEFAULT 0,
      credits_pending wei NOT NULL DEFAULT 0,
      credits_posted wei NOT NULL DEFAULT 0,
      CONSTRAINT no_overdraft CHECK (kind <> 'liability' OR debits_posted + debits_pending <= credits_posted),
      CONSTRAINT no_overcredit CHECK (kind <> 'asset' OR credits_posted + credits_pending <= debits_posted)
    ) WITH (fillfactor = 50);
    CREATE INDEX account_prefix ON account (id text_pattern_ops);
    CREATE TABLE transfer (
      position bigint GENERATED ALWAYS AS IDENTITY,
      id uuid PRIMARY KEY,
      kind text NOT NULL CHECK (kind IN ('single', 'pending', 'post', 'void')),
      debit text NOT NULL REFERENCES account,
      credit text NOT NULL REFERENCES account,
      amount wei NOT NULL CHECK (amount > 0),
      pending_id uuid REFERENCES transfer,
      reason text NOT NULL,
      reference text NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      CHECK (debit <> credit),
      CHECK ((pending_id IS NOT NULL) = (kind IN ('post', 'void')))
    );
    CREATE UNIQUE INDEX transfer_one_resolution ON transfer (pending_id) WHERE pending_id IS NOT NULL;
    CREATE INDEX transfer_reference ON transfer (reference);

    CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN RAISE EXCEPTION 'transfers are immutable: post a reversing transfer'; END $$;
    CREATE TRIGGER transfer_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON transfer
      FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

    CREATE FUNCTION check_resolution() RETURNS trigger LANGUAGE plpgsql AS $$
      DECLARE held transfer;
      BEGIN
        SELECT * INTO held FROM transfer WHERE id = NEW.pending_id AND kind = 'pending';
        IF held IS NULL OR held.debit <> NEW.debit OR held.credit <> NEW.credit OR NEW.amount > held.amount THEN
          RAISE EXCEPTION 'transfer % does not resolve pending transfer %', NEW.id, NEW.pending_id;
        END IF;
        RETURN NEW;
      END $$;
    CREATE TRIGGER transfer_resolution BEFORE INSERT ON transfer
      FOR EACH ROW WHEN (NEW.pending_id IS NOT NULL) EXECUTE FUNCTION check_resolution();
  `,
);

const CreateMetering = sqlMigration(
  'CreateMetering1763600000002',
  `
    CREATE TABLE model (
      id text PRIMARY KEY,
      name text NOT NULL,
      developer_organisation_id text NOT NULL,
      base_digest text NOT NULL,
      prompt_wei_per_million wei NOT NULL,
      completion_wei_per_million wei NOT NULL,
      deployed_at timestamptz NOT NULL
    );
    CREATE TABLE payee (
      id text PRIMARY KEY,
      name text NOT NULL,
      wallet text NOT NULL CHECK (wallet ~ '^0x[0-9a-f]{40}$')
    );
    CREATE TABLE party_member (
      contributor_id text PRIMARY KEY,
      party_id text NOT NULL,
      reason text NOT NULL,
      changed_at timestamptz NOT NULL
    );
    CREATE INDEX party_member_party ON party_member (party_id);
    CREATE TABLE hold (
      request_id text PRIMARY KEY,
      organisation_id text NOT NULL,
      model_id text NOT NULL,
      prompt_tokens int NOT NULL,
      completion_tokens_max int NOT NULL,
      held wei NOT NULL,
      prompt_wei_per_million wei NOT NULL,
      completion_wei_per_million wei NOT NULL,
      expires_at timestamptz NOT NULL,
      state text NOT NULL CHECK (state IN ('held', 'posted', 'released', 'expired'))
    );
    CREATE INDEX hold_expiry ON hold (expires_at) WHERE state = 'held';
    CREATE TABLE request (
      id text PRIMARY KEY,
      organisation_id text,
      model_id text,
      prompt_tokens int,
      completion_tokens int,
      served_at timestamptz,
      attribution jsonb,
      priced wei,
      fee wei,
      credited_at timestamptz
    );
    CREATE INDEX request_unmetered ON request (model_id) WHERE served_at IS NOT NULL AND fee IS NULL;
    CREATE INDEX request_credited ON request (credited_at) WHERE credited_at IS NOT NULL;
    CREATE TABLE receipt_part (
      request_id text NOT NULL REFERENCES request,
      number int NOT NULL,
      role text NOT NULL,
      payee_id text NOT NULL,
      party_id text NOT NULL,
      amount wei NOT NULL,
      PRIMARY KEY (request_id, number)
    );
    CREATE INDEX receipt_part_payee ON receipt_part (payee_id, request_id) WHERE payee_id <> '';
  `,
);

const CreateChain = sqlMigration(
  'CreateChain1763600000003',
  `
    CREATE TABLE epoch (
      epoch int PRIMARY KEY,
      previous_root text NOT NULL,
      root text NOT NULL,
      manifest text NOT NULL,
      total wei NOT NULL,
      funded wei NOT NULL,
      leaf_count int NOT NULL,
      state text NOT NULL CHECK (state IN ('posting', 'active')),
      transaction_hash text,
      closed_at timestamptz NOT NULL
    );
    CREATE TABLE epoch_leaf (
      epoch int NOT NULL REFERENCES epoch,
      wallet text NOT NULL,
      total wei NOT NULL,
      PRIMARY KEY (epoch, wallet)
    );
    CREATE TABLE chain_block (
      number bigint PRIMARY KEY,
      hash text NOT NULL
    );
    CREATE TABLE chain_log (
      transaction_hash text NOT NULL,
      log_index int NOT NULL,
      block_hash text NOT NULL,
      block_number bigint NOT NULL,
      event jsonb NOT NULL,
      state text NOT NULL CHECK (state IN ('applied', 'orphaned')),
      applications int NOT NULL,
      PRIMARY KEY (transaction_hash, log_index, block_hash)
    );
    CREATE INDEX chain_log_block ON chain_log (block_number) WHERE state = 'applied';
    CREATE TABLE chain_signer (
      address text PRIMARY KEY,
      next_nonce int NOT NULL
    );
    CREATE TABLE chain_tx (
      position bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
      purpose text PRIMARY KEY,
      to_address text NOT NULL,
      data text NOT NULL,
      nonce int UNIQUE,
      state text NOT NULL CHECK (state IN ('queued', 'signed', 'mined', 'final', 'failed')),
      error text,
      transaction_hash text,
      block_number bigint,
      block_hash text,
      applied boolean NOT NULL DEFAULT false
    );
    CREATE INDEX chain_tx_open ON chain_tx (position) WHERE state <> 'final';
    CREATE TABLE chain_attempt (
      hash text PRIMARY KEY,
      purpose text NOT NULL REFERENCES chain_tx,
      raw text NOT NULL,
      max_fee_wei wei NOT NULL,
      tip_wei wei NOT NULL,
      created_at timestamptz NOT NULL,
      dead boolean NOT NULL DEFAULT false
    );
    CREATE INDEX chain_attempt_purpose ON chain_attempt (purpose, created_at);
  `,
);

const CreateLeases = sqlMigration(
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

const IndexEndedLeases = sqlMigration(
  'IndexEndedLeases1763600000005',
  `CREATE INDEX lease_ended ON lease (use_until) WHERE state <> 'open';`,
);

export const migrations: readonly MigrationClass[] = [
  CreateLedger,
  CreateMetering,
  CreateChain,
  CreateLeases,
  IndexEndedLeases,
];
