import { sqlMigration } from '@openledger/persistence';

/**
 * `epoch_clock` has one row: the open ledger epoch. What accounts held before there were ledger epochs is the opening
 * balance of the first one.
 */
export const CreateLedgerEpochs = sqlMigration(
  'CreateLedgerEpochs1763700000401',
  `
    CREATE TABLE epoch_clock (
      one boolean PRIMARY KEY DEFAULT true CHECK (one),
      ledger_epoch int NOT NULL CHECK (ledger_epoch > 0),
      opened_at timestamptz,
      counted_from timestamptz,
      intervals int NOT NULL DEFAULT 0
    );
    INSERT INTO epoch_clock (ledger_epoch) VALUES (1);
    CREATE TABLE ledger_epoch (
      epoch int PRIMARY KEY,
      opened_at timestamptz NOT NULL,
      closed_at timestamptz NOT NULL,
      -- The newest split policy when it closed.
      policies int NOT NULL,
      manifest text,
      previous_manifest text,
      CHECK (closed_at >= opened_at)
    );
    CREATE INDEX ledger_epoch_unwritten ON ledger_epoch (epoch) WHERE manifest IS NULL;
    CREATE TABLE ledger_epoch_account (
      epoch int NOT NULL REFERENCES ledger_epoch,
      account text COLLATE "C" NOT NULL,
      opening_credits wei NOT NULL,
      opening_debits wei NOT NULL,
      credits wei NOT NULL,
      debits wei NOT NULL,
      PRIMARY KEY (epoch, account)
    );
    -- The epoch in which a refund left the platform's account.
    CREATE TABLE ledger_epoch_refund (
      epoch int NOT NULL REFERENCES ledger_epoch,
      refund_id uuid PRIMARY KEY
    );
    CREATE INDEX ledger_epoch_refund_epoch ON ledger_epoch_refund (epoch);
    CREATE TABLE account_closing (
      account text PRIMARY KEY,
      credits wei NOT NULL,
      debits wei NOT NULL
    );
    INSERT INTO account_closing
      SELECT id, credits_posted, debits_posted FROM account
      WHERE split_part(id, ':', 1) IN
        ('platform', 'developer', 'stakers', 'contributor', 'base-model', 'node', 'royalty', 'reserve');
    CREATE TABLE manifest_segment (
      manifest text NOT NULL,
      number int NOT NULL,
      -- NDJSON, compressed with gzip.
      body bytea NOT NULL,
      written_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (manifest, number)
    );

    ALTER TABLE epoch
      ALTER COLUMN root DROP NOT NULL,
      ALTER COLUMN manifest DROP NOT NULL,
      DROP CONSTRAINT epoch_state_check,
      ADD CONSTRAINT epoch_state_check
        CHECK (state IN ('closing', 'held', 'posting', 'active', 'disabled')),
      ADD COLUMN revision int NOT NULL DEFAULT 1,
      ADD COLUMN ledger_from int,
      ADD COLUMN ledger_to int,
      ADD COLUMN held_code text,
      ALTER COLUMN total SET DEFAULT 0,
      ALTER COLUMN funded SET DEFAULT 0,
      ALTER COLUMN leaf_count SET DEFAULT 0;
    CREATE TABLE epoch_funding (
      purpose text PRIMARY KEY,
      epoch int NOT NULL,
      amount wei NOT NULL
    );
    INSERT INTO epoch_funding SELECT 'fund:' || epoch, epoch, funded FROM epoch;
    ALTER TABLE request
      -- Wei per million tokens that it was priced by: prompt, cached prompt, completion.
      ADD COLUMN price text,
      -- Names the weights of royalties that it was split by.
      ADD COLUMN royalties text;
    CREATE TABLE split_royalties (
      id text PRIMARY KEY,
      royalties jsonb NOT NULL
    );
    CREATE INDEX request_ledger_epoch ON request (ledger_epoch, id COLLATE "C") WHERE ledger_epoch IS NOT NULL;
    CREATE TABLE epoch_payment (
      epoch int NOT NULL REFERENCES epoch,
      revision int NOT NULL,
      account text COLLATE "C" NOT NULL,
      wallet text NOT NULL,
      amount wei NOT NULL,
      ledger_epoch int NOT NULL,
      undone_in int,
      PRIMARY KEY (epoch, revision, account)
    );
    CREATE INDEX epoch_payment_ledger ON epoch_payment (ledger_epoch, account, epoch, revision);
    CREATE INDEX epoch_payment_undone ON epoch_payment (undone_in, account, epoch, revision)
      WHERE undone_in IS NOT NULL;
    ALTER TABLE epoch_leaf ALTER COLUMN wallet TYPE text COLLATE "C";
  `,
);
