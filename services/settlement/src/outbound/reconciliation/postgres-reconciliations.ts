import { invariant } from '@openledger/kernel';
import type { Transaction } from '@openledger/persistence';
import type {
  BookSums,
  PaidWallet,
  Reconciliation,
  ReconciliationBook,
} from '../../application/reconciliation/reconcile-ports.js';
import { CHAIN_DISTRIBUTOR, CHAIN_ESCROW, CHAIN_VAULT, VAULT_MISSING } from '../../domain/ledger/accounts.js';

/** Kept for people to look at. */
const KEPT = 1_000;

/** One statement, and so one moment. */
const SUMS = `
  WITH cursor AS (SELECT number, hash FROM chain_block ORDER BY number DESC LIMIT 1),
  standing AS (
    SELECT CASE id WHEN $5 THEN $2 ELSE id END AS id, sum(debits_posted - credits_posted) AS wei
    FROM account WHERE id = ANY($1::text[]) GROUP BY 1
  )
  SELECT cursor.number, cursor.hash,
    coalesce((SELECT wei FROM standing WHERE id = $2), 0) AS vault,
    coalesce((SELECT wei FROM standing WHERE id = $3), 0) AS distributor,
    coalesce((SELECT wei FROM standing WHERE id = $4), 0) AS escrow,
    coalesce((SELECT sum(accepted) FROM channel), 0) AS vouchers,
    coalesce((SELECT total FROM epoch WHERE state = 'active' ORDER BY epoch DESC LIMIT 1), 0) AS promised,
    (SELECT count(*)::int FROM chain_tx
     WHERE purpose LIKE 'fund:%' AND (state = 'signed' OR applied AND block_number > cursor.number)) AS in_flight
  FROM (SELECT 1) one LEFT JOIN cursor ON true`;

interface SumsRow {
  readonly number: string | null;
  readonly hash: string | null;
  readonly vault: string;
  readonly distributor: string;
  readonly escrow: string;
  readonly vouchers: string;
  readonly promised: string;
  readonly in_flight: number;
}

interface Row {
  readonly block_number: string;
  readonly at: Date;
  readonly supply: string;
  readonly unswept: string;
  readonly differences: number;
}

/** Table `chain_reconciliation`, and the sums that are compared. */
export class PostgresReconciliations implements ReconciliationBook {
  constructor(private readonly tx: Transaction) {}

  async sums(): Promise<BookSums> {
    const names = [CHAIN_VAULT.id, CHAIN_DISTRIBUTOR.id, CHAIN_ESCROW.id, VAULT_MISSING.id];
    const [row] = await this.tx.query<SumsRow>(SUMS, [names, ...names]);
    invariant(row, 'sums are always there');
    return {
      block:
        row.number === null || row.hash === null ? undefined : { number: Number(row.number), hash: row.hash },
      vaultWei: BigInt(row.vault),
      distributorWei: BigInt(row.distributor),
      escrowWei: BigInt(row.escrow),
      vouchersWei: BigInt(row.vouchers),
      promisedWei: BigInt(row.promised),
      inFlight: row.in_flight,
    };
  }

  async paidAfter(block: number, limit: number): Promise<PaidWallet[]> {
    const rows = await this.tx.query<{ wallet: string; paid: string }>(
      `SELECT touched.wallet, coalesce(sum((event ->> 'amountWei')::numeric) FILTER (WHERE state = 'applied'), 0) AS paid
       FROM (
         SELECT DISTINCT event ->> 'wallet' AS wallet FROM chain_log
         WHERE event ->> 'kind' = 'claimed' AND block_number > $1 LIMIT $2
       ) touched
       JOIN chain_log ON event ->> 'kind' = 'claimed' AND event ->> 'wallet' = touched.wallet
       GROUP BY touched.wallet`,
      [block, limit],
    );
    return rows.map((row) => ({ wallet: row.wallet, paidWei: BigInt(row.paid) }));
  }

  async last(): Promise<Reconciliation | undefined> {
    const [row] = await this.tx.query<Row>('SELECT * FROM chain_reconciliation ORDER BY id DESC LIMIT 1');
    return (
      row && {
        block: Number(row.block_number),
        at: row.at,
        supplyWei: BigInt(row.supply),
        unsweptWei: BigInt(row.unswept),
        differences: row.differences,
      }
    );
  }

  async save(reconciliation: Reconciliation): Promise<void> {
    const { block, at, supplyWei, unsweptWei, differences } = reconciliation;
    const [row] = await this.tx.query<{ id: string }>(
      `INSERT INTO chain_reconciliation (block_number, at, supply, unswept, differences)
       VALUES ($1, $2, $3, $4, $5) RETURNING id`,
      [block, at, supplyWei.toString(), unsweptWei.toString(), differences],
    );
    await this.tx.query('DELETE FROM chain_reconciliation WHERE id <= $1', [Number(row?.id) - KEPT]);
  }
}
