import { invariant } from '@openledger/kernel';
import type { Transaction } from '@openledger/persistence';
import type { Accrual, Epoch, EpochLedger } from '../application/epoch-ports.js';
import { PAYABLE_ROLES } from '../domain/accounts.js';
import type { Leaf } from '../domain/epoch.js';

/** A row of table `epoch`. */
export interface EpochRow {
  readonly epoch: number;
  readonly previous_root: string;
  readonly root: string;
  readonly manifest: string;
  readonly total: string;
  readonly funded: string;
  readonly leaf_count: number;
  readonly state: Epoch['state'];
  readonly transaction_hash: string | null;
  readonly closed_at: Date;
}

export class PostgresEpochs implements EpochLedger {
  constructor(private readonly tx: Transaction) {}

  /**
   * An advisory lock rather than one of the row: its queue is fair, so a closing epoch is not kept waiting by an endless
   * row of readers. A statement of its own, so that the next one sees what was committed before the lock was had.
   */
  async open(): Promise<number> {
    await this.tx.query("SELECT pg_advisory_xact_lock_shared(hashtext('settlement.ledger-epoch'))");
    const [row] = await this.tx.query<{ ledger_epoch: number }>('SELECT ledger_epoch FROM epoch_clock');
    invariant(row, 'the migration opens the first ledger epoch');
    return row.ledger_epoch;
  }

  async lock(): Promise<void> {
    await this.tx.query("SELECT pg_advisory_xact_lock(hashtext('settlement.epoch'))");
  }

  async last(): Promise<Epoch | undefined> {
    const [row] = await this.tx.query<EpochRow>('SELECT * FROM epoch ORDER BY epoch DESC LIMIT 1');
    return row && toEpoch(row);
  }

  async firstCreditedAt(): Promise<Date | undefined> {
    const [row] = await this.tx.query<{ first: Date | null }>(
      'SELECT min(credited_at) AS first FROM request',
    );
    return row?.first ?? undefined;
  }

  async find(epoch: number): Promise<Epoch | undefined> {
    const [row] = await this.tx.query<EpochRow>('SELECT * FROM epoch WHERE epoch = $1', [epoch]);
    return row && toEpoch(row);
  }

  async leaves(epoch: number): Promise<Leaf[]> {
    const rows = await this.tx.query<{ wallet: string; total: string }>(
      'SELECT wallet, total FROM epoch_leaf WHERE epoch = $1 ORDER BY wallet',
      [epoch],
    );
    return rows.map(toLeaf);
  }

  async accruals(limit: number): Promise<Accrual[]> {
    const rows = await this.tx.query<{ id: string; wallet: string; amount: string }>(
      `SELECT account.id, payee.wallet, account.credits_posted - account.debits_posted AS amount
       FROM account JOIN payee ON payee.id = substr(account.id, strpos(account.id, ':') + 1)
       WHERE account.id LIKE ANY($1::text[]) AND account.credits_posted > account.debits_posted
       ORDER BY account.id LIMIT $2 FOR UPDATE OF account`,
      [PAYABLE_ROLES.map((role) => `${role}:%`), limit],
    );
    return rows.map((row) => ({ accountId: row.id, wallet: row.wallet, amountWei: BigInt(row.amount) }));
  }

  async insert(epoch: Epoch, leaves: readonly Leaf[]): Promise<void> {
    await this.tx.query(
      `INSERT INTO epoch (epoch, previous_root, root, manifest, total, funded, leaf_count, state, closed_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
      [
        epoch.epoch,
        epoch.previousRoot,
        epoch.root,
        epoch.manifest,
        epoch.totalWei.toString(),
        epoch.fundedWei.toString(),
        epoch.leafCount,
        epoch.state,
        epoch.closedAt,
      ],
    );
    await this.tx.query(
      `INSERT INTO epoch_leaf (epoch, wallet, total)
       SELECT $1, wallet, total FROM unnest($2::text[], $3::numeric[]) AS given (wallet, total)`,
      [epoch.epoch, leaves.map((leaf) => leaf.wallet), leaves.map((leaf) => leaf.totalWei.toString())],
    );
  }

  async activate(epoch: number, transactionHash: string): Promise<void> {
    await this.tx.query("UPDATE epoch SET state = 'active', transaction_hash = $2 WHERE epoch = $1", [
      epoch,
      transactionHash,
    ]);
  }
}

export const toLeaf = (row: { wallet: string; total: string }): Leaf => ({
  wallet: row.wallet,
  totalWei: BigInt(row.total),
});

export const toEpoch = (row: EpochRow): Epoch => ({
  epoch: row.epoch,
  previousRoot: row.previous_root,
  root: row.root,
  manifest: row.manifest,
  totalWei: BigInt(row.total),
  fundedWei: BigInt(row.funded),
  leafCount: row.leaf_count,
  state: row.state,
  ...(row.transaction_hash === null ? {} : { transactionHash: row.transaction_hash }),
  closedAt: row.closed_at,
});
