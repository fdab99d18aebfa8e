import { sqlMigration } from '@openledger/persistence';

export const CreateChain = sqlMigration(
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

/** Differences between chain and ledger that a person must explain; see application/case-ports.ts. */
export const CreateCases = sqlMigration(
  'CreateCases1763700000301',
  `
    CREATE TABLE chain_case (
      id uuid PRIMARY KEY,
      freezes text NOT NULL CHECK (freezes IN ('payouts', 'vouchers', 'channel')),
      code text NOT NULL,
      subject text NOT NULL,
      expected text NOT NULL,
      actual text NOT NULL,
      block_number bigint,
      opened_at timestamptz NOT NULL,
      resolved_at timestamptz,
      resolved_by text,
      reason text,
      CHECK ((resolved_at IS NULL) = (resolved_by IS NULL) AND (resolved_at IS NULL) = (reason IS NULL))
    );
    CREATE TABLE chain_reconciliation (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      block_number bigint NOT NULL,
      at timestamptz NOT NULL,
      supply wei NOT NULL,
      -- Below zero where the vault lacks what the books say: a case tells.
      unswept numeric(39, 0) NOT NULL,
      differences int NOT NULL
    );
    CREATE INDEX chain_log_claimed ON chain_log ((event ->> 'wallet')) WHERE event ->> 'kind' = 'claimed';
    CREATE UNIQUE INDEX chain_case_open ON chain_case (code, subject) WHERE resolved_at IS NULL;
    CREATE INDEX chain_case_frozen ON chain_case (freezes) WHERE resolved_at IS NULL;
    CREATE INDEX chain_case_opened ON chain_case (opened_at DESC);
  `,
);

/**
 * What the sender must know after a restart: gas of each attempt, what was signed for the policy's caps, and what
 * waits for an operator. Nonces are of a key, and keys change.
 */
export const ExtendSending = sqlMigration(
  'ExtendSending1763700000302',
  `
    ALTER TABLE chain_attempt ADD COLUMN gas_limit bigint NOT NULL DEFAULT 0;
    ALTER TABLE chain_tx ADD COLUMN signer text, ADD COLUMN paged_at timestamptz;
    UPDATE chain_tx SET signer = (SELECT max(address) FROM chain_signer) WHERE nonce IS NOT NULL;
    ALTER TABLE chain_tx DROP CONSTRAINT chain_tx_nonce_key, ADD UNIQUE (signer, nonce);
    CREATE TABLE chain_signing (
      signer text NOT NULL,
      nonce int NOT NULL,
      rule text NOT NULL,
      cost wei NOT NULL,
      moved wei NOT NULL,
      mark wei,
      signed_at timestamptz NOT NULL,
      PRIMARY KEY (signer, nonce)
    );
    CREATE INDEX chain_signing_time ON chain_signing (signer, signed_at);
    CREATE INDEX chain_signing_mark ON chain_signing (signer, rule, mark DESC) WHERE mark IS NOT NULL;
  `,
);

/** Channels of the escrow that pay us by cumulative vouchers, and the newest voucher of each. */
export const CreateChannels = sqlMigration(
  'CreateChannels1763700000303',
  `
    CREATE TABLE channel (
      id text PRIMARY KEY CHECK (id ~ '^0x[0-9a-f]{64}$'),
      organisation_id text NOT NULL,
      config jsonb NOT NULL,
      accepted wei NOT NULL,
      voucher_max wei NOT NULL,
      signature text NOT NULL,
      claimed wei NOT NULL DEFAULT 0,
      frozen text,
      hurry boolean NOT NULL DEFAULT false,
      claiming text REFERENCES chain_tx,
      claiming_total wei NOT NULL DEFAULT 0,
      accepted_at timestamptz NOT NULL,
      CHECK (accepted <= voucher_max)
    );
    CREATE INDEX channel_unclaimed ON channel (accepted_at) WHERE accepted > claimed;
    CREATE TABLE channel_voucher (
      channel_id text NOT NULL REFERENCES channel,
      maximum wei NOT NULL,
      increase wei NOT NULL,
      signature text NOT NULL,
      accepted_at timestamptz NOT NULL,
      PRIMARY KEY (channel_id, maximum, accepted_at)
    );
    CREATE INDEX channel_voucher_time ON channel_voucher (channel_id, accepted_at DESC);
    CREATE INDEX channel_organisation ON channel (organisation_id);
    CREATE INDEX chain_log_organisation ON chain_log ((event ->> 'organisationId'), block_number DESC)
      WHERE event ->> 'kind' = 'deposited';
    CREATE INDEX chain_log_channel ON chain_log ((event ->> 'channelId')) WHERE event ? 'channelId';
  `,
);
