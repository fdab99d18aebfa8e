import type { Database } from '@openledger/persistence';
import type { LeaseBook } from '../application/payment-ports.js';

/** Leases beside the receipts that name them, so that both are counted under one lock. */
export class PostgresLeaseBook implements LeaseBook {
  /** A gateway that has not been heard of for `aliveMs` is gone, by the database's clock, which all replicas share. */
  constructor(
    private readonly database: Database,
    private readonly aliveMs: number,
  ) {}

  async open(leaseId: string, organisationId: string): Promise<void> {
    await this.database.query(
      `INSERT INTO spend_lease (id, organisation_id, alive_until)
       VALUES ($1, $2, now() + $3 * interval '1 millisecond')`,
      [leaseId, organisationId, this.aliveMs],
    );
  }

  async keepAlive(leaseIds: readonly string[]): Promise<readonly string[]> {
    const rows = await this.database.query<{ id: string }>(
      `UPDATE spend_lease SET alive_until = now() + $2 * interval '1 millisecond'
       WHERE id = ANY($1::text[]) AND closed_at IS NULL RETURNING id`,
      [[...leaseIds], this.aliveMs],
    );
    return rows.map(({ id }) => id);
  }

  /**
   * Waits for receipts under way, which hold the row by FOR KEY SHARE, and turns later ones away: they find the lease
   * closed and name none.
   */
  close(leaseId: string): Promise<number | undefined> {
    return this.database.transaction(async (tx) => {
      const found = await tx.query('SELECT 1 FROM spend_lease WHERE id = $1 FOR UPDATE', [leaseId]);
      if (found.length === 0) return undefined;
      await tx.query('UPDATE spend_lease SET closed_at = coalesce(closed_at, now()) WHERE id = $1', [
        leaseId,
      ]);
      const [row] = await tx.query<{ receipts: number }>(
        'SELECT count(*)::int AS receipts FROM served_request WHERE hold_id = $1',
        [leaseId],
      );
      return row?.receipts ?? 0;
    });
  }

  async forget(leaseId: string): Promise<void> {
    await this.database.query('DELETE FROM spend_lease WHERE id = $1', [leaseId]);
  }

  async unreturned(limit: number): Promise<readonly string[]> {
    const rows = await this.database.query<{ id: string }>(
      'SELECT id FROM spend_lease WHERE closed_at IS NOT NULL OR alive_until < now() ORDER BY id LIMIT $1',
      [limit],
    );
    return rows.map(({ id }) => id);
  }
}
