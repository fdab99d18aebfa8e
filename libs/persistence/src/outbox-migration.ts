import { sqlMigration } from './migration.js';

/** Every service has the same outbox and inbox; `event-log` reads the former. */
export const CreateOutbox = sqlMigration(
  'CreateOutbox1700000000000',
  `
    CREATE TABLE outbox (
      position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      id uuid NOT NULL UNIQUE,
      topic text NOT NULL,
      key text NOT NULL,
      -- The event log's limit: a larger row could never be published, and would hold up those behind it.
      body bytea NOT NULL CHECK (octet_length(body) <= 262144),
      created_at timestamptz NOT NULL DEFAULT now(),
      published_at timestamptz
    );
    CREATE INDEX outbox_unpublished ON outbox (position) WHERE published_at IS NULL;
    CREATE INDEX outbox_published ON outbox (published_at) WHERE published_at IS NOT NULL;
    CREATE TABLE inbox (
      "group" text NOT NULL,
      event_id uuid NOT NULL,
      handled_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY ("group", event_id)
    );
    CREATE INDEX inbox_handled ON inbox USING brin (handled_at);
  `,
);
