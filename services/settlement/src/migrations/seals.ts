import { sqlMigration } from '@openledger/persistence';

/**
 * Blocks of transfers, each with the hash of the one before, and where accounts stood at the end of every block that moved
 * them. `reached_at` is the latest time of any transfer so far: it never falls, so it can be searched. A transaction gets
 * its number before it gets positions, which is what sealing relies on.
 */
export const CreateSeals = sqlMigration(
  'CreateSeals1763700000103',
  `
    CREATE FUNCTION number_transaction() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN PERFORM pg_current_xact_id(); RETURN NULL; END $$;
    CREATE TRIGGER transfer_numbered BEFORE INSERT ON transfer
      FOR EACH STATEMENT EXECUTE FUNCTION number_transaction();

    CREATE TABLE block (
      number bigint PRIMARY KEY,
      last_position bigint NOT NULL,
      transfers integer NOT NULL CHECK (transfers > 0),
      rows_hash text NOT NULL,
      previous_hash text NOT NULL UNIQUE,
      hash text NOT NULL UNIQUE,
      earliest_at timestamptz NOT NULL,
      reached_at timestamptz NOT NULL,
      sealed_at timestamptz NOT NULL
    );
    CREATE INDEX block_reached ON block (reached_at, number);
    CREATE INDEX block_span ON block USING gist (tstzrange(earliest_at, reached_at, '[]'));
    CREATE TABLE account_history (
      account bigint NOT NULL,
      block bigint NOT NULL,
      debits_pending wei NOT NULL,
      debits_posted wei NOT NULL,
      credits_pending wei NOT NULL,
      credits_posted wei NOT NULL,
      PRIMARY KEY (account, block)
    );
    CREATE INDEX account_history_block ON account_history (block);
    CREATE FUNCTION refuse_seal_change() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN RAISE EXCEPTION 'what is sealed stays as it is'; END $$;
    CREATE TRIGGER block_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON block
      FOR EACH STATEMENT EXECUTE FUNCTION refuse_seal_change();
    CREATE TRIGGER account_history_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON account_history
      FOR EACH STATEMENT EXECUTE FUNCTION refuse_seal_change();
    REVOKE UPDATE, DELETE, TRUNCATE ON block, account_history FROM PUBLIC, CURRENT_USER;

    -- What each transfer does to each of its accounts.
    CREATE VIEW movement AS
      SELECT position, recorded_at, debit AS account,
        CASE kind WHEN 'pending' THEN amount::numeric ELSE -released END AS debits_pending,
        CASE WHEN kind IN ('single', 'post') THEN amount::numeric ELSE 0 END AS debits_posted,
        0::numeric AS credits_pending, 0::numeric AS credits_posted
      FROM transfer WHERE refusal IS NULL
      UNION ALL
      SELECT position, recorded_at, credit, 0, 0,
        CASE kind WHEN 'pending' THEN amount::numeric ELSE -released END,
        CASE WHEN kind IN ('single', 'post') THEN amount::numeric ELSE 0 END
      FROM transfer WHERE refusal IS NULL;
  `,
);
