import { sqlMigration } from '@openledger/persistence';

/**
 * One row is a whole answer: what it used, what it cost, who got how much of that, and in which batch. Parts lie in arrays
 * beside each other, in the order of the split. The sums by month are what statements, budgets and earnings read.
 */
export const KeepAnswersWhole = sqlMigration(
  'KeepAnswersWhole1763700000201',
  `
    -- Read whole and never searched: taking it apart on the way in would cost as much as the rest of the row.
    ALTER TABLE request
      ALTER COLUMN attribution TYPE json,
      ALTER COLUMN told TYPE json,
      ADD COLUMN cached_tokens int,
      ADD COLUMN adapter_digest text,
      ADD COLUMN node_key text,
      ADD COLUMN charge_batch uuid,
      ADD COLUMN credit_batch uuid,
      ADD COLUMN ledger_epoch int,
      ADD COLUMN policy_version int,
      ADD COLUMN part_roles text[],
      ADD COLUMN part_payees text[],
      ADD COLUMN part_parties text[],
      ADD COLUMN part_amounts numeric(39, 0)[];
    UPDATE request SET part_roles = part.roles, part_payees = part.payees, part_parties = part.parties,
      part_amounts = part.amounts
    FROM (
      SELECT request_id, array_agg(role ORDER BY number) AS roles, array_agg(payee_id ORDER BY number) AS payees,
        array_agg(party_id ORDER BY number) AS parties, array_agg(amount::numeric(39, 0) ORDER BY number) AS amounts
      FROM receipt_part GROUP BY request_id
    ) AS part WHERE part.request_id = request.id;
    DROP TABLE receipt_part;
    ALTER TABLE request ADD CONSTRAINT parts_belong_together CHECK (
      (credited_at IS NULL) = (part_amounts IS NULL)
      AND cardinality(part_roles) = cardinality(part_amounts)
      AND cardinality(part_payees) = cardinality(part_amounts)
      AND cardinality(part_parties) = cardinality(part_amounts));
    CREATE INDEX request_credit_batch ON request (credit_batch) WHERE credit_batch IS NOT NULL;

    ALTER TABLE model ADD COLUMN datanet_ids text[] NOT NULL DEFAULT '{}';
    CREATE TABLE usage_month (
      organisation_id text NOT NULL,
      month date NOT NULL CHECK (extract(day FROM month) = 1),
      model_id text NOT NULL,
      requests bigint NOT NULL,
      prompt_tokens bigint NOT NULL,
      cached_tokens bigint NOT NULL,
      completion_tokens bigint NOT NULL,
      fee wei NOT NULL,
      PRIMARY KEY (organisation_id, month, model_id)
    ) WITH (fillfactor = 50);
    INSERT INTO usage_month
      SELECT organisation_id, date_trunc('month', served_at AT TIME ZONE 'UTC')::date, model_id, count(*),
        sum(prompt_tokens), 0, sum(completion_tokens), sum(fee)
      FROM request WHERE fee IS NOT NULL GROUP BY 1, 2, 3;
    CREATE TABLE earning_month (
      payee_id text NOT NULL,
      month date NOT NULL CHECK (extract(day FROM month) = 1),
      model_id text NOT NULL,
      role text NOT NULL,
      answers bigint NOT NULL,
      amount wei NOT NULL,
      PRIMARY KEY (payee_id, month, model_id, role)
    ) WITH (fillfactor = 50);
    INSERT INTO earning_month
      SELECT part.payee_id, date_trunc('month', credited_at AT TIME ZONE 'UTC')::date, model_id, part.role, count(*),
        sum(part.amount)
      FROM request CROSS JOIN LATERAL unnest(part_payees, part_roles, part_amounts) AS part (payee_id, role, amount)
      WHERE credited_at IS NOT NULL AND part.payee_id <> '' AND part.amount > 0 GROUP BY 1, 2, 3, 4;
    -- Batches whose parts are not in the sums of earnings yet.
    CREATE TABLE unsummed_batch (credit_batch uuid PRIMARY KEY);
    -- From which a payee's earnings are listed: what left clearing for his account, newest first.
    CREATE INDEX transfer_split ON transfer (credit, position) WHERE reason = 'split' AND refusal IS NULL;

    -- Events that contradict what was recorded; they changed nothing.
    CREATE TABLE refused_event (
      event_id uuid NOT NULL,
      request_id text NOT NULL,
      code text NOT NULL,
      seen_at timestamptz NOT NULL,
      PRIMARY KEY (event_id, request_id)
    );
    CREATE INDEX refused_event_seen ON refused_event (seen_at DESC);
  `,
);

/** The index by epoch finds the newest as well; each one costs every answer a write. */
export const FindAnswersByEpoch = sqlMigration(
  'FindAnswersByEpoch1763700000202',
  'DROP INDEX request_credited;',
);
