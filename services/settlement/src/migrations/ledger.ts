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
