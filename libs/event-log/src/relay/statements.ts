/** What the relay asks of a service's own schema; tests EXPLAIN these very texts. */
export const outboxStatements = {
  /** Held to the end of the transaction: one relay at a time keeps the order of keys. */
  lead: `SELECT pg_try_advisory_xact_lock(hashtextextended('outbox:' || $1, 0)) AS leads`,
  /**
   * By predicate, never by cursor: a row that commits late is still found. No row locks: the lead keeps
   * other relays out, and skipping a locked row would reorder its key.
   */
  unpublished: `
    SELECT position, id, topic, key, body, created_at FROM outbox
     WHERE published_at IS NULL ORDER BY position LIMIT $1`,
  publish: `UPDATE outbox SET published_at = now() WHERE position = ANY($1::bigint[])`,
  lag: `
    SELECT count(*)::int AS pending, coalesce(extract(epoch FROM now() - min(created_at)) * 1000, 0)::float8 AS oldest_ms
      FROM (SELECT created_at FROM outbox WHERE published_at IS NULL ORDER BY position LIMIT $1) AS waiting`,
  forgetPublished: `
    DELETE FROM outbox WHERE position = ANY(ARRAY(
      SELECT position FROM outbox WHERE published_at < now() - make_interval(days => $1)
       ORDER BY published_at LIMIT $2)) RETURNING 1`,
  /** Rows of the inbox never change, so their place identifies them. */
  forgetHandled: `
    DELETE FROM inbox WHERE ctid = ANY(ARRAY(
      SELECT ctid FROM inbox WHERE handled_at < now() - make_interval(days => $1) LIMIT $2)) RETURNING 1`,
} as const;
