import { sqlMigration } from '@openledger/persistence';

export const migrations = [
  sqlMigration(
    'CreateValidation1700000000001',
    `
    CREATE TABLE datanet (
      datanet_id     text PRIMARY KEY,
      record_kind    text NOT NULL CHECK (record_kind IN ('instruction', 'text')),
      min_characters integer NOT NULL,
      max_characters integer NOT NULL,
      licence        text NOT NULL,
      -- In how many accepted texts each word occurs: 2^17 counters, little-endian; NULL while there are none.
      terms          bytea,
      terms_texts    integer NOT NULL DEFAULT 0,
      -- Counts assessments: one that was computed on an older state is not written.
      revision       integer NOT NULL DEFAULT 0
    );

    CREATE TABLE assessment (
      no                integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      contribution_id   text NOT NULL UNIQUE,
      datanet_id        text NOT NULL REFERENCES datanet,
      contributor_id    text NOT NULL,
      verdict           text NOT NULL CHECK (verdict IN ('accepted', 'quarantined', 'rejected')),
      accepted_count    integer NOT NULL,
      quarantined_count integer NOT NULL,
      rejected_count    integer NOT NULL,
      reasons           jsonb NOT NULL,
      accepted_blob     text NOT NULL,
      verdicts_blob     text NOT NULL,
      assessed_at       timestamptz NOT NULL
    );

    -- Known texts: accepted records, and near copies under the record that they repeat.
    CREATE TABLE record (
      no                  integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      owner_record_id     bytea NOT NULL,
      owner_assessment_no integer NOT NULL REFERENCES assessment,
      text_hash           bytea NOT NULL,
      normalised_text     text NOT NULL
    );
    CREATE INDEX record_text_hash ON record (text_hash);

    -- Even keys are bands of MinHash signatures, odd ones are rare pairs of words.
    CREATE TABLE posting (
      key       integer NOT NULL,
      record_no integer NOT NULL,
      PRIMARY KEY (key, record_no)
    );

    CREATE TABLE contributor (
      contributor_id text PRIMARY KEY,
      records        bigint NOT NULL
    );

    CREATE TABLE copy_total (
      copier_id    text NOT NULL,
      owner_id     text NOT NULL,
      copies       integer NOT NULL,
      exact_copies integer NOT NULL,
      PRIMARY KEY (copier_id, owner_id)
    );

    CREATE TABLE copy_evidence (
      no              integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      copier_id       text NOT NULL,
      owner_id        text NOT NULL,
      assessment_no   integer NOT NULL REFERENCES assessment,
      record_index    integer NOT NULL,
      record_id       bytea NOT NULL,
      owner_record_id bytea NOT NULL,
      owner_contribution_id text NOT NULL,
      exact           boolean NOT NULL,
      similarity      real NOT NULL
    );
    CREATE INDEX copy_evidence_pair ON copy_evidence (copier_id, owner_id, no);

    CREATE TABLE party (
      party_id   text PRIMARY KEY,
      reason     text NOT NULL,
      changed_at timestamptz NOT NULL
    );
    CREATE TABLE party_member (
      contributor_id text PRIMARY KEY,
      party_id       text NOT NULL REFERENCES party DEFERRABLE INITIALLY DEFERRED
    );
    CREATE INDEX party_member_party ON party_member (party_id);
    `,
  ),
];
