import pg from 'pg';

export interface NaiveRound {
  readonly eventsPerSecond: number;
  /** Committed rows that the reader passed over, because a lower id committed after a higher one. */
  readonly skipped: number;
}

const WRITERS = 8;
const READ_MAX = 500;
const POLL_MS = 10;

/** The log that is written first everywhere: one INSERT an event, and a reader that polls `id > last`. */
export async function naiveRound(url: string, events: number, body: Buffer): Promise<NaiveRound> {
  const pool = new pg.Pool({ connectionString: url, max: WRITERS + 1 });
  pool.on('error', console.error);
  try {
    await pool.query(`
      DROP TABLE IF EXISTS naive_event, naive_reader;
      CREATE TABLE naive_event (id bigserial PRIMARY KEY, event_id uuid NOT NULL DEFAULT gen_random_uuid(),
                                topic text NOT NULL, key text NOT NULL, body bytea NOT NULL);
      CREATE TABLE naive_reader (last bigint NOT NULL);
      INSERT INTO naive_reader VALUES (0)`);
    const startedAt = performance.now();
    let written = 0;
    const writer = async () => {
      while (written < events) {
        const n = written++;
        await pool.query('INSERT INTO naive_event (topic, key, body) VALUES ($1, $2, $3)', [
          'bench',
          `key-${n % 500}`,
          body,
        ]);
      }
    };
    let writing = true;
    const writers = Promise.all(Array.from({ length: WRITERS }, writer)).finally(() => {
      writing = false;
    });
    const read = await readAll(pool, () => writing);
    await writers;
    const seconds = (performance.now() - startedAt) / 1_000;
    return { eventsPerSecond: read / seconds, skipped: events - read };
  } finally {
    pool.removeAllListeners('error').on('error', () => {});
    await pool.end();
  }
}

async function readAll(pool: pg.Pool, isWriting: () => boolean): Promise<number> {
  let last = '0';
  let read = 0;
  for (;;) {
    const more = isWriting();
    const { rows } = await pool.query<{ id: string }>(
      'SELECT id, event_id, key, body FROM naive_event WHERE id > $1 ORDER BY id LIMIT $2',
      [last, READ_MAX],
    );
    read += rows.length;
    last = rows.at(-1)?.id ?? last;
    if (rows.length > 0) await pool.query('UPDATE naive_reader SET last = $1', [last]);
    else if (!more) return read;
    else await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
