import { sqlMigration } from '@openledger/persistence';

/** 39 digits hold any uint128, and the whole supply of 1e27 wei many times over; a bigint column would not. */
export const CreateLedger = sqlMigration(
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

/**
 * Accounts get a number, which is what transfers name them by: a third of the bytes, and no text to compare on the way in.
 * Refusals are rows of their own under the id that was refused, so one unique index keeps ids apart. `released` is the
 * pending amount that a resolution frees, so that a balance is a fold over rows that need no other row.
 */
export const NumberAccounts = sqlMigration(
  'NumberAccounts1763700000101',
  `
    ALTER TABLE transfer DROP CONSTRAINT transfer_debit_fkey, DROP CONSTRAINT transfer_credit_fkey;
    DROP INDEX account_prefix;
    ALTER TABLE account DROP CONSTRAINT account_pkey;
    ALTER TABLE account ALTER COLUMN id TYPE text COLLATE "C";
    ALTER TABLE account ADD COLUMN key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY;
    ALTER TABLE account ADD CONSTRAINT account_id UNIQUE (id);
    CREATE FUNCTION refuse_account_change() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN RAISE EXCEPTION 'accounts keep their name, number and kind for ever'; END $$;
    CREATE TRIGGER account_kept BEFORE DELETE OR TRUNCATE OR UPDATE OF id, key, kind ON account
      FOR EACH STATEMENT EXECUTE FUNCTION refuse_account_change();

    ALTER TABLE transfer RENAME TO transfer_by_name;
    DROP TRIGGER transfer_resolution ON transfer_by_name;
    CREATE TABLE transfer (
      position bigint GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME transfer_positions) PRIMARY KEY,
      debit bigint NOT NULL,
      credit bigint NOT NULL,
      recorded_at timestamptz NOT NULL,
      expires_at timestamptz,
      id uuid NOT NULL,
      pending_id uuid,
      amount wei NOT NULL,
      released wei NOT NULL DEFAULT 0,
      kind text NOT NULL,
      reason text NOT NULL,
      reference text NOT NULL,
      refusal text,
      CONSTRAINT transfer_shape CHECK (amount > 0 AND debit <> credit
        AND kind IN ('single', 'pending', 'post', 'void')
        AND (pending_id IS NOT NULL) = (kind IN ('post', 'void'))
        AND (expires_at IS NULL OR kind = 'pending')
        AND (released > 0) = (pending_id IS NOT NULL AND refusal IS NULL)
        AND (released = 0 OR amount <= released))
    );
    INSERT INTO transfer (position, debit, credit, recorded_at, id, pending_id, amount, released, kind, reason, reference)
      OVERRIDING SYSTEM VALUE
      SELECT old.position, debit.key, credit.key, old.created_at, old.id, old.pending_id, old.amount,
        coalesce(held.amount, 0), old.kind, old.reason, old.reference
      FROM transfer_by_name old
        JOIN account debit ON debit.id = old.debit JOIN account credit ON credit.id = old.credit
        LEFT JOIN transfer_by_name held ON held.id = old.pending_id
      ORDER BY old.position;
    SELECT setval('transfer_positions', max(position)) FROM transfer;
    DROP TABLE transfer_by_name;
    ALTER TABLE transfer ADD CONSTRAINT transfer_id UNIQUE (id);
    CREATE UNIQUE INDEX transfer_one_resolution ON transfer (pending_id)
      WHERE pending_id IS NOT NULL AND refusal IS NULL;
    CREATE TRIGGER transfer_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON transfer
      FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
    REVOKE UPDATE, DELETE, TRUNCATE ON transfer FROM PUBLIC, CURRENT_USER;

    CREATE OR REPLACE FUNCTION check_resolution() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF NOT EXISTS (SELECT FROM transfer held WHERE held.id = NEW.pending_id AND held.kind = 'pending'
          AND held.refusal IS NULL AND held.debit = NEW.debit AND held.credit = NEW.credit
          AND held.amount = NEW.released)
        THEN
          RAISE EXCEPTION 'transfer % does not resolve pending transfer %', NEW.id, NEW.pending_id;
        END IF;
        RETURN NEW;
      END $$;
    CREATE TRIGGER transfer_resolution BEFORE INSERT ON transfer
      FOR EACH ROW WHEN (NEW.released > 0) EXECUTE FUNCTION check_resolution();

    CREATE TABLE pending_expiry (
      transfer_id uuid PRIMARY KEY,
      expires_at timestamptz NOT NULL
    );
    CREATE INDEX pending_expiry_at ON pending_expiry (expires_at);

    -- For people and reports: what happened, by name.
    CREATE VIEW journal AS
      SELECT transfer.position, transfer.id, transfer.kind, debit.id AS debit, credit.id AS credit, transfer.amount,
        transfer.released, transfer.pending_id, transfer.reason, transfer.reference, transfer.recorded_at
      FROM transfer JOIN account debit ON debit.key = transfer.debit JOIN account credit ON credit.key = transfer.credit
      WHERE transfer.refusal IS NULL;
  `,
);

/**
 * A batch of single transfers in one call. `needed` is what an account must have for every transfer of the batch to pass in
 * its turn. Where one has less, or an id is known, everything is taken back, and the caller judges one by one. The time that
 * passed waiting for locks is added to the caller's clock: who came second is recorded second.
 */
export const PostSingles = sqlMigration(
  'PostSingles1763700000102',
  `
    CREATE FUNCTION post_singles(at timestamptz, ids uuid[], debits bigint[], credits bigint[], amounts numeric[],
      reasons text[], refs text[], keys bigint[], debited numeric[], credited numeric[], needed numeric[])
    RETURNS boolean LANGUAGE plpgsql AS $$
      DECLARE
        wei_max CONSTANT numeric := 340282366920938463463374607431768211455;
        done bigint;
      BEGIN
        PERFORM FROM account WHERE key = ANY(keys) ORDER BY id FOR NO KEY UPDATE;
        UPDATE account SET debits_posted = debits_posted + moved.debit, credits_posted = credits_posted + moved.credit
        FROM unnest(keys, debited, credited, needed) AS moved (number, debit, credit, least)
        WHERE account.key = moved.number AND account.key = ANY(keys)
          AND debits_posted + debits_pending + moved.debit <= wei_max
          AND credits_posted + credits_pending + moved.credit <= wei_max
          AND moved.least <= CASE kind WHEN 'liability' THEN credits_posted - debits_posted - debits_pending
            WHEN 'asset' THEN debits_posted - credits_posted - credits_pending ELSE 0 END;
        GET DIAGNOSTICS done = ROW_COUNT;
        IF done < cardinality(keys) THEN RAISE SQLSTATE 'OL001'; END IF;
        INSERT INTO transfer (id, kind, debit, credit, amount, reason, reference, recorded_at)
        SELECT id, 'single', debit, credit, amount, reason, reference,
          at + (clock_timestamp() - statement_timestamp())
        FROM unnest(ids, debits, credits, amounts, reasons, refs)
          AS given (id, debit, credit, amount, reason, reference);
        RETURN true;
      EXCEPTION WHEN unique_violation OR SQLSTATE 'OL001' THEN
        RETURN false;
      END $$;
  `,
);
