import type { Transaction } from '@openledger/persistence';
import type { Lease, LeaseLedger, LeaseState } from '../../application/prepaid/lease-ports.js';
import type { PotAfter } from '../../domain/metering/draw-fees.js';

interface LeaseRow {
  readonly id: string;
  readonly organisation_id: string;
  readonly wanted: string;
  readonly minimum: string;
  readonly granted: string;
  readonly spent: string;
  readonly receipts: number;
  readonly receipts_told: number | null;
  readonly use_until: Date;
  readonly abandon_at: Date;
  readonly state: LeaseState;
}

/** Leases; the money itself is in the ledger. */
export class PostgresLeases implements LeaseLedger {
  constructor(private readonly tx: Transaction) {}

  async insert(lease: Lease): Promise<boolean> {
    const inserted = await this.tx.query(
      `INSERT INTO lease (id, organisation_id, wanted, minimum, granted, use_until, abandon_at, state)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING RETURNING 1`,
      [
        lease.id,
        lease.organisationId,
        lease.wantedWei.toString(),
        lease.minimumWei.toString(),
        lease.grantedWei.toString(),
        lease.useUntil,
        lease.abandonAt,
        lease.state,
      ],
    );
    return inserted.length > 0;
  }

  async lock(id: string): Promise<Lease | undefined> {
    const [row] = await this.tx.query<LeaseRow>('SELECT * FROM lease WHERE id = $1 FOR UPDATE', [id]);
    return row && toLease(row);
  }

  async lockAll(ids: readonly string[]): Promise<ReadonlyMap<string, Lease>> {
    const distinct = [...new Set(ids)].filter((id) => id !== '');
    if (distinct.length === 0) return new Map();
    const rows = await this.tx.query<LeaseRow>(
      'SELECT * FROM lease WHERE id = ANY($1::text[]) ORDER BY id FOR UPDATE',
      [distinct],
    );
    return new Map(rows.map((row) => [row.id, toLease(row)]));
  }

  async chargeAll(drawn: readonly PotAfter[]): Promise<void> {
    if (drawn.length === 0) return;
    await this.tx.query(
      `UPDATE lease SET spent = given.spent, receipts = given.receipts,
         state = CASE WHEN given.settled THEN 'returned' ELSE lease.state END
       FROM unnest($1::text[], $2::numeric[], $3::int[], $4::boolean[]) AS given (id, spent, receipts, settled)
       WHERE lease.id = given.id AND lease.id = ANY($1::text[])`,
      [
        drawn.map(({ pot }) => pot.id),
        drawn.map(({ spentWei }) => spentWei.toString()),
        drawn.map(({ receipts }) => receipts),
        drawn.map(({ settled }) => settled),
      ],
    );
  }

  async tell(id: string, receipts: number): Promise<void> {
    await this.tx.query(
      'UPDATE lease SET receipts_told = greatest(coalesce(receipts_told, 0), $2) WHERE id = $1',
      [id, receipts],
    );
  }

  async end(id: string, state: 'returned' | 'abandoned'): Promise<void> {
    await this.tx.query('UPDATE lease SET state = $2 WHERE id = $1', [id, state]);
  }

  async nextUseEnd(organisationId: string): Promise<Date | undefined> {
    const [row] = await this.tx.query<{ next: Date | null }>(
      `SELECT min(use_until) AS next FROM lease WHERE organisation_id = $1 AND state = 'open'`,
      [organisationId],
    );
    return row?.next ?? undefined;
  }

  async abandoned(now: Date, limit: number): Promise<Lease[]> {
    const rows = await this.tx.query<LeaseRow>(
      `SELECT * FROM lease WHERE state = 'open' AND abandon_at <= $1 ORDER BY abandon_at LIMIT $2
       FOR UPDATE SKIP LOCKED`,
      [now, limit],
    );
    return rows.map(toLease);
  }

  async forgetEnded(before: Date, limit: number): Promise<number> {
    const deleted = await this.tx.query(
      `DELETE FROM lease WHERE id IN (
         SELECT id FROM lease WHERE state <> 'open' AND use_until < $1 ORDER BY use_until LIMIT $2
         FOR UPDATE SKIP LOCKED) RETURNING 1`,
      [before, limit],
    );
    return deleted.length;
  }
}

const toLease = (row: LeaseRow): Lease => ({
  id: row.id,
  organisationId: row.organisation_id,
  wantedWei: BigInt(row.wanted),
  minimumWei: BigInt(row.minimum),
  grantedWei: BigInt(row.granted),
  spentWei: BigInt(row.spent),
  receipts: row.receipts,
  ...(row.receipts_told === null ? {} : { receiptsTold: row.receipts_told }),
  useUntil: row.use_until,
  abandonAt: row.abandon_at,
  state: row.state,
});
