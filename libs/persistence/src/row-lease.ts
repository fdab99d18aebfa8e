import type { Database } from './database.js';

/** For a service's migrations: who of its replicas works. */
export const ROW_LEASE_TABLE =
  'CREATE TABLE executor (id integer PRIMARY KEY, holder text NOT NULL, until timestamptz NOT NULL);';

/** What one replica of a service at a time holds; by the clock of the database, the only one they share. */
export class RowLease {
  /** @param id of the work: two kinds of it may be done by two replicas. */
  constructor(
    private readonly database: Database,
    private readonly id = 1,
  ) {}

  /** True while `holder` is the only one; renews for `seconds`. */
  async hold(holder: string, seconds: number): Promise<boolean> {
    const held = await this.database.query(
      `INSERT INTO executor (id, holder, until) VALUES ($3, $1, now() + make_interval(secs => $2))
       ON CONFLICT (id) DO UPDATE SET holder = $1, until = now() + make_interval(secs => $2)
       WHERE executor.holder = $1 OR executor.until < now() RETURNING 1`,
      [holder, seconds, this.id],
    );
    return held.length > 0;
  }

  /** Lets the next replica begin at once. */
  async release(holder: string): Promise<void> {
    await this.database.query('DELETE FROM executor WHERE id = $1 AND holder = $2', [this.id, holder]);
  }
}
