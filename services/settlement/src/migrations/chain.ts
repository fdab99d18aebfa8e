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
