/** Steps of the schema, applied once each, in order; the list only ever grows. */
export const schemaSteps = (s: string): readonly string[] => [
  `
  CREATE TABLE ${s}.topic (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    partitions int NOT NULL CHECK (partitions > 0),
    retention_days int
  );
  -- One row per partition; whoever appends holds its lock to the commit, so offsets appear in commit order.
  CREATE TABLE ${s}.head (
    topic_id int NOT NULL REFERENCES ${s}.topic (id),
    partition int NOT NULL,
    next_offset bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (topic_id, partition)
  ) WITH (fillfactor = 50);
  CREATE TABLE ${s}.record (
    topic_id int NOT NULL,
    partition int NOT NULL,
    "offset" bigint NOT NULL,
    id uuid NOT NULL,
    key text NOT NULL,
    source text NOT NULL,
    occurred_at timestamptz NOT NULL,
    appended_at timestamptz NOT NULL DEFAULT now(),
    traceparent text,
    body bytea NOT NULL,
    PRIMARY KEY (topic_id, partition, "offset")
  );
  CREATE TABLE ${s}.group_offset (
    "group" text NOT NULL,
    topic_id int NOT NULL,
    partition int NOT NULL,
    next_offset bigint NOT NULL,
    PRIMARY KEY ("group", topic_id, partition)
  ) WITH (fillfactor = 50);
  CREATE TABLE ${s}.parked (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    "group" text NOT NULL,
    topic text NOT NULL,
    key text NOT NULL,
    released boolean NOT NULL DEFAULT false,
    id uuid NOT NULL,
    source text NOT NULL,
    occurred_at timestamptz NOT NULL,
    traceparent text,
    body bytea NOT NULL,
    reason text NOT NULL,
    parked_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE ("group", topic, key, id)
  );
  CREATE INDEX parked_order ON ${s}.parked ("group", topic, key, position);
  CREATE INDEX parked_list ON ${s}.parked ("group", position);
  CREATE INDEX parked_released ON ${s}.parked ("group", topic, key) WHERE released;
  `,
];

/** Every statement of the log; tests EXPLAIN these very texts. */
export const logStatements = (s: string) => ({ ...batchStatements(s), ...topicStatements(s) });

/** What runs per batch or per poll. */
const batchStatements = (s: string) => ({
  /**
   * One round trip for many partitions. Heads are locked in the order of their partitions, so two
   * appenders cannot deadlock. Bodies arrive as one binary parameter, cut by position and length: an
   * array of bytea would travel as hexadecimal text, twice as large.
   */
  append: `
    WITH incoming AS (
      SELECT * FROM unnest($2::int[], $3::int[], $4::uuid[], $5::text[], $6::text[], $7::float8[], $8::text[], $9::int[], $10::int[])
        AS r(partition, nth, id, key, source, occurred_ms, traceparent, start, length)
    ), counted AS (
      SELECT partition, count(*) AS records FROM incoming GROUP BY partition
    ), locked AS (
      SELECT h.partition FROM ${s}.head h
       WHERE h.topic_id = $1 AND h.partition IN (SELECT partition FROM counted)
       ORDER BY h.partition FOR UPDATE
    ), moved AS (
      UPDATE ${s}.head h SET next_offset = h.next_offset + c.records
        FROM locked l JOIN counted c USING (partition)
       WHERE h.topic_id = $1 AND h.partition = l.partition
      RETURNING h.partition, h.next_offset - c.records AS base
    )
    INSERT INTO ${s}.record (topic_id, partition, "offset", id, key, source, occurred_at, traceparent, body)
    SELECT $1, r.partition, m.base + r.nth, r.id, r.key, r.source, to_timestamp(r.occurred_ms / 1000), r.traceparent,
           substring($11::bytea FROM r.start FOR r.length)
      FROM incoming r JOIN moved m USING (partition)`,
  /** At most $4 records and about $5 bytes, and always at least one record. */
  fetch: `
    SELECT "offset", id, key, source, occurred_ms, traceparent, body FROM (
      SELECT "offset", id, key, source, (extract(epoch FROM occurred_at) * 1000)::float8 AS occurred_ms, traceparent, body,
             sum(octet_length(body)) OVER (ORDER BY "offset") - octet_length(body) AS bytes_before
        FROM (SELECT * FROM ${s}.record
               WHERE topic_id = $1 AND partition = $2 AND "offset" >= $3
               ORDER BY "offset" LIMIT $4) AS page
    ) AS sized WHERE bytes_before < $5 ORDER BY "offset"`,
  /** Partitions in which the group has something to read. */
  behind: `
    SELECT o.topic_id, o.partition FROM ${s}.group_offset o
      JOIN ${s}.head h ON h.topic_id = o.topic_id AND h.partition = o.partition
     WHERE o."group" = $1 AND o.topic_id = ANY($2::int[]) AND h.next_offset > o.next_offset`,
  position: `
    SELECT next_offset FROM ${s}.group_offset WHERE "group" = $1 AND topic_id = $2 AND partition = $3`,
  /** Compare-and-set: a member that lost its partition cannot move the group. */
  commit: `
    UPDATE ${s}.group_offset SET next_offset = $5
     WHERE "group" = $1 AND topic_id = $2 AND partition = $3 AND next_offset = $4`,
});

/** What runs when topics are made, groups join or rewind, and old records go. */
const topicStatements = (s: string) => ({
  join: `
    INSERT INTO ${s}.group_offset ("group", topic_id, partition, next_offset)
    SELECT $1, topic_id, partition, CASE WHEN $3 THEN next_offset ELSE 0 END
      FROM ${s}.head WHERE topic_id = ANY($2::int[])
    ON CONFLICT DO NOTHING`,
  rewind: `UPDATE ${s}.group_offset SET next_offset = 0 WHERE "group" = $1 AND topic_id = $2`,
  topics: `SELECT id, name, partitions, retention_days FROM ${s}.topic WHERE name = ANY($1::text[])`,
  addTopic: `
    WITH made AS (
      INSERT INTO ${s}.topic (name, partitions, retention_days) VALUES ($1, $2, $3)
      ON CONFLICT (name) DO UPDATE SET retention_days = EXCLUDED.retention_days
      RETURNING id, partitions
    ), heads AS (
      INSERT INTO ${s}.head (topic_id, partition)
      SELECT id, generate_series(0, partitions - 1) FROM made ON CONFLICT DO NOTHING
    )
    SELECT partitions FROM made`,
  expiring: `
    SELECT t.id, t.retention_days, h.partition FROM ${s}.topic t JOIN ${s}.head h ON h.topic_id = t.id
     WHERE t.retention_days IS NOT NULL`,
  /** Looks at the oldest records only, so it costs the same when there is nothing to delete. */
  expire: `
    WITH oldest AS (
      SELECT "offset", appended_at FROM ${s}.record
       WHERE topic_id = $1 AND partition = $2 ORDER BY "offset" LIMIT $4
    )
    DELETE FROM ${s}.record r USING oldest o
     WHERE r.topic_id = $1 AND r.partition = $2 AND r."offset" = o."offset" AND o.appended_at < $3`,
});

export const lotStatements = (s: string) => ({
  keysAmong: `
    SELECT DISTINCT key FROM ${s}.parked WHERE "group" = $1 AND topic = $2 AND key = ANY($3::text[])`,
  park: `
    INSERT INTO ${s}.parked ("group", topic, key, released, id, source, occurred_at, traceparent, body, reason)
    VALUES ($1, $2, $3, false, $4, $5, $6, $7, $8, $9) ON CONFLICT ("group", topic, key, id) DO NOTHING`,
  parkBehind: `
    INSERT INTO ${s}.parked ("group", topic, key, released, id, source, occurred_at, traceparent, body, reason)
    SELECT $1, $2, $3, NOT EXISTS (
             SELECT 1 FROM ${s}.parked WHERE "group" = $1 AND topic = $2 AND key = $3 AND NOT released),
           $4, $5, $6, $7, $8, $9
    ON CONFLICT ("group", topic, key, id) DO NOTHING`,
  hold: `UPDATE ${s}.parked SET released = false WHERE "group" = $1 AND topic = $2 AND key = $3`,
  release: `UPDATE ${s}.parked SET released = true WHERE "group" = $1 AND topic = $2 AND key = $3`,
  releasedKeys: `
    SELECT DISTINCT topic, key FROM ${s}.parked
     WHERE "group" = $1 AND topic = ANY($2::text[]) AND released LIMIT 100`,
  /** The lock is held to the end of the transaction, that is, while the record is being delivered. */
  lockKey: `SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0)) AS locked`,
  oldest: `
    SELECT position, released, topic, id, key, source,
           (extract(epoch FROM occurred_at) * 1000)::float8 AS occurred_ms, traceparent, body, reason
      FROM ${s}.parked WHERE "group" = $1 AND topic = $2 AND key = $3 ORDER BY position LIMIT 1`,
  reason: `UPDATE ${s}.parked SET reason = $2 WHERE position = $1`,
  drop: `DELETE FROM ${s}.parked WHERE position = $1`,
  list: `
    SELECT topic, id, key, source, (extract(epoch FROM occurred_at) * 1000)::float8 AS occurred_ms,
           traceparent, body, reason
      FROM ${s}.parked WHERE "group" = $1 ORDER BY position LIMIT $2`,
  clear: `DELETE FROM ${s}.parked WHERE "group" = $1 AND topic = $2`,
});

/** Locks by which members share partitions; they vanish with the connection that holds them. */
export const lockStatements = {
  tryLock: 'SELECT pg_try_advisory_lock($1::bigint) AS locked',
  unlock: 'SELECT pg_advisory_unlock($1::bigint)',
  tryForTransaction: 'SELECT pg_try_advisory_xact_lock($1::bigint) AS locked',
  /** Members hold locks whose upper half is one of $1. */
  members: `
    SELECT classid::bigint AS half, count(*)::int AS members FROM pg_locks
     WHERE locktype = 'advisory' AND granted AND objsubid = 1
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND classid::bigint = ANY($1::bigint[])
     GROUP BY classid`,
};
