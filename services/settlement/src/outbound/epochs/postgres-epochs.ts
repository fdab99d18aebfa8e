import { canonicalJson, invariant, sha256 } from '@openledger/kernel';
import type { Transaction } from '@openledger/persistence';
import type {
  Accrual,
  ComputedEpoch,
  Epoch,
  EpochClock,
  EpochLedger,
  EpochRevision,
} from '../../application/epochs/epoch-ports.js';
import { ACCRUAL_ROLES, PAYABLE_ROLES } from '../../domain/ledger/accounts.js';
import type { Royalties } from '../../domain/split/split-fee.js';
import { type EpochRow, toEpoch } from './epoch-row.js';

/** Epochs whose leaves are kept: more than can be disabled at once, which the distributor bounds to 32. */
const LEAVES_KEPT = 40;

interface AccrualRow {
  readonly account: string;
  readonly wallet: string;
  readonly amount: string;
}

export class PostgresEpochs implements EpochLedger {
  constructor(private readonly tx: Transaction) {}

  /**
   * An advisory lock rather than one of the row: its queue is fair, so a closing epoch is not kept waiting by an endless
   * row of readers. A statement of its own, so that the next one sees what was committed before the lock was had.
   */
  async open(): Promise<number> {
    await this.tx.query("SELECT pg_advisory_xact_lock_shared(hashtext('settlement.ledger-epoch'))");
    return (await this.clock()).ledgerEpoch;
  }

  async lockClock(): Promise<EpochClock> {
    await this.tx.query("SELECT pg_advisory_xact_lock(hashtext('settlement.ledger-epoch'))");
    return this.clock();
  }

  async setClock(clock: EpochClock): Promise<void> {
    await this.tx.query(
      'UPDATE epoch_clock SET ledger_epoch = $1, opened_at = $2, counted_from = $3, intervals = $4',
      [clock.ledgerEpoch, clock.openedAt ?? null, clock.countedFrom ?? null, clock.intervals],
    );
  }

  /** One statement, one snapshot: accounts that anybody may debit (a refund from the platform) are seen with their cause. */
  async closeLedger(epoch: number, openedAt: Date, closedAt: Date): Promise<boolean> {
    await this.tx.query(
      `INSERT INTO ledger_epoch (epoch, opened_at, closed_at, policies)
       SELECT $1, $2, $3, coalesce(max(version), 0) FROM split_policy`,
      [epoch, openedAt, closedAt],
    );
    const moved = await this.tx.query(
      `WITH moved AS (
         SELECT account.id, coalesce(was.credits, 0) AS opening_credits, coalesce(was.debits, 0) AS opening_debits,
           account.credits_posted AS credits, account.debits_posted AS debits
         FROM account LEFT JOIN account_closing was ON was.account = account.id
         WHERE split_part(account.id, ':', 1) = ANY($2::text[])
           AND (account.credits_posted <> coalesce(was.credits, 0) OR account.debits_posted <> coalesce(was.debits, 0))
       ), closing AS (
         INSERT INTO account_closing SELECT id, credits, debits FROM moved
         ON CONFLICT (account) DO UPDATE SET credits = excluded.credits, debits = excluded.debits
       ), noted AS (
         INSERT INTO ledger_epoch_refund
         SELECT $1, note.refund_id FROM credit_note note
         WHERE NOT EXISTS (SELECT FROM ledger_epoch_refund known WHERE known.refund_id = note.refund_id)
       )
       INSERT INTO ledger_epoch_account SELECT $1, moved.* FROM moved RETURNING 1`,
      [epoch, [...ACCRUAL_ROLES]],
    );
    if (moved.length === 0) await this.tx.query('DELETE FROM ledger_epoch WHERE epoch = $1', [epoch]);
    return moved.length > 0;
  }

  async saveRoyalties(royalties: readonly Royalties[]): Promise<ReadonlyMap<Royalties, string>> {
    const texts = new Map(
      [...new Set(royalties)]
        .filter(({ developers, contributors }) => developers.length + contributors.length > 0)
        .map((one) => [one, canonicalJson(writeRoyalties(one))]),
    );
    const ids = new Map([...texts].map(([one, text]) => [one, sha256(text)]));
    if (ids.size === 0) return ids;
    await this.tx.query(
      `INSERT INTO split_royalties SELECT * FROM unnest($1::text[], $2::text[]::jsonb[]) AS given (id, royalties)
       ORDER BY id ON CONFLICT (id) DO NOTHING`,
      [[...ids.values()], [...texts.values()]],
    );
    return ids;
  }

  async lock(): Promise<void> {
    await this.tx.query("SELECT pg_advisory_xact_lock(hashtext('settlement.epoch'))");
  }

  last(): Promise<Epoch | undefined> {
    return this.one("SELECT * FROM epoch WHERE state <> 'disabled' ORDER BY epoch DESC LIMIT 1");
  }

  find(epoch: number): Promise<Epoch | undefined> {
    return this.one('SELECT * FROM epoch WHERE epoch = $1', [epoch]);
  }

  async from(epoch: number): Promise<Epoch[]> {
    const rows = await this.tx.query<EpochRow>(
      "SELECT * FROM epoch WHERE epoch >= $1 AND state <> 'disabled' ORDER BY epoch",
      [epoch],
    );
    return rows.map(toEpoch);
  }

  async begin(epoch: Parameters<EpochLedger['begin']>[0]): Promise<void> {
    await this.tx.query(
      `INSERT INTO epoch (epoch, revision, previous_root, ledger_from, ledger_to, closed_at, state)
       VALUES ($1, $2, $3, $4, $5, $6, 'closing')
       ON CONFLICT (epoch) DO UPDATE SET revision = excluded.revision, previous_root = excluded.previous_root,
         ledger_from = excluded.ledger_from, ledger_to = excluded.ledger_to, closed_at = excluded.closed_at,
         state = 'closing', root = NULL, manifest = NULL, transaction_hash = NULL, held_code = NULL`,
      [epoch.epoch, epoch.revision, epoch.previousRoot, epoch.ledgerFrom, epoch.ledgerTo, epoch.closedAt],
    );
  }

  async savePayments(
    { epoch, revision }: EpochRevision,
    ledgerEpoch: number,
    minimumWei: bigint,
  ): Promise<void> {
    await this.tx.query(
      `INSERT INTO epoch_payment (epoch, revision, account, wallet, amount, ledger_epoch)
       SELECT $1, $2, id, wallet, amount, $3 FROM (
         SELECT account.id, payee.wallet, credits_posted - debits_posted AS amount,
           sum(credits_posted - debits_posted) OVER (PARTITION BY payee.wallet) AS due
         FROM account JOIN payee ON payee.id = substr(account.id, strpos(account.id, ':') + 1)
         WHERE account.id LIKE ANY($4::text[]) AND credits_posted > debits_posted
       ) AS accrued WHERE due >= $5`,
      [epoch, revision, ledgerEpoch, PAYABLE_ROLES.map((role) => `${role}:%`), minimumWei.toString()],
    );
  }

  async payments({ epoch, revision }: EpochRevision, after: string, limit: number): Promise<Accrual[]> {
    const rows = await this.tx.query<AccrualRow>(
      `SELECT account, wallet, amount FROM epoch_payment
       WHERE epoch = $1 AND revision = $2 AND account > $3 ORDER BY account LIMIT $4`,
      [epoch, revision, after, limit],
    );
    return rows.map(toAccrual);
  }

  async saveLeaves({ epoch, revision }: EpochRevision, previous: number): Promise<void> {
    await this.tx.query(
      `INSERT INTO epoch_leaf (epoch, wallet, total)
       SELECT $1, wallet, sum(amount) FROM (
         SELECT wallet, total AS amount FROM epoch_leaf WHERE epoch = $3
         UNION ALL SELECT wallet, amount FROM epoch_payment WHERE epoch = $1 AND revision = $2
       ) AS promised GROUP BY wallet`,
      [epoch, revision, previous],
    );
    await this.tx.query(
      `UPDATE epoch SET
         (leaf_count, total) = (SELECT count(*), sum(total) FROM epoch_leaf WHERE epoch = $1),
         funded = (SELECT sum(amount) FROM epoch_payment WHERE epoch = $1 AND revision = $2)
       WHERE epoch = $1`,
      [epoch, revision],
    );
    await this.tx.query('DELETE FROM epoch_leaf WHERE epoch <= $1', [epoch - LEAVES_KEPT]);
  }

  async hold({ epoch }: EpochRevision, code: string): Promise<void> {
    await this.tx.query("UPDATE epoch SET state = 'held', held_code = $2 WHERE epoch = $1", [epoch, code]);
  }

  async post(epoch: ComputedEpoch): Promise<void> {
    const posted = await this.tx.query(
      `UPDATE epoch SET state = 'posting', held_code = NULL, root = $2, manifest = $3
       WHERE epoch = $1 AND total = $4 RETURNING 1`,
      [epoch.epoch, epoch.root, epoch.manifest, epoch.totalWei.toString()],
    );
    invariant(posted.length === 1, `the leaves of epoch ${epoch.epoch} sum to its total`);
  }

  async activate(epoch: number, transactionHash: string): Promise<void> {
    await this.tx.query("UPDATE epoch SET state = 'active', transaction_hash = $2 WHERE epoch = $1", [
      epoch,
      transactionHash,
    ]);
  }

  async fundedWei(): Promise<bigint> {
    const [row] = await this.tx.query<{ amount: string | null }>(
      "SELECT sum(amount) AS amount FROM epoch_funding WHERE purpose LIKE 'fund:%'",
    );
    return BigInt(row?.amount ?? 0);
  }

  async saveFunding(purpose: string, epoch: number, amountWei: bigint): Promise<void> {
    await this.tx.query('INSERT INTO epoch_funding (purpose, epoch, amount) VALUES ($1, $2, $3)', [
      purpose,
      epoch,
      amountWei.toString(),
    ]);
  }

  async fundingOf(purpose: string): Promise<bigint | undefined> {
    const sql = 'SELECT amount FROM epoch_funding WHERE purpose = $1';
    const [row] = await this.tx.query<{ amount: string }>(sql, [purpose]);
    return row && BigInt(row.amount);
  }

  async disable(epoch: EpochRevision): Promise<void> {
    await this.tx.query("UPDATE epoch SET state = 'disabled', held_code = NULL WHERE epoch = $1", [
      epoch.epoch,
    ]);
    await this.tx.query('DELETE FROM epoch_leaf WHERE epoch = $1', [epoch.epoch]);
  }

  async dropStale(): Promise<void> {
    await this.tx.query(
      `UPDATE chain_tx SET state = 'final', error = NULL
       WHERE purpose LIKE 'root:%' AND state IN ('queued', 'failed') AND NOT EXISTS (
         SELECT FROM epoch WHERE epoch.state IN ('posting', 'active') AND chain_tx.purpose =
           'root:' || epoch || CASE WHEN revision = 1 THEN '' ELSE ':' || revision END)`,
    );
    // Anybody may share what the registry holds: where somebody did, there is nothing left to do.
    await this.tx.query(
      `UPDATE chain_tx SET state = 'final', error = NULL
       WHERE purpose LIKE 'notify:%' AND state IN ('queued', 'failed') AND error IS NOT NULL`,
    );
  }

  async undoPayments({ epoch, revision }: EpochRevision, ledgerEpoch: number): Promise<void> {
    await this.tx.query('UPDATE epoch_payment SET undone_in = $3 WHERE epoch = $1 AND revision = $2', [
      epoch,
      revision,
      ledgerEpoch,
    ]);
  }

  private async clock(): Promise<EpochClock> {
    const [row] = await this.tx.query<{
      ledger_epoch: number;
      opened_at: Date | null;
      counted_from: Date | null;
      intervals: number;
    }>('SELECT * FROM epoch_clock');
    invariant(row, 'the migration opens the first ledger epoch');
    return {
      ledgerEpoch: row.ledger_epoch,
      ...(row.opened_at === null ? {} : { openedAt: row.opened_at }),
      ...(row.counted_from === null ? {} : { countedFrom: row.counted_from }),
      intervals: row.intervals,
    };
  }

  private async one(sql: string, params: readonly unknown[] = []): Promise<Epoch | undefined> {
    const [row] = await this.tx.query<EpochRow>(sql, params);
    return row && toEpoch(row);
  }
}

const writeRoyalties = ({ developers, contributors }: Royalties) => {
  const pairs = (shares: Royalties['developers']) =>
    shares.map(({ payeeId, weight }) => [payeeId, weight.toString()]);
  return { developers: pairs(developers), contributors: pairs(contributors) };
};

const toAccrual = (row: AccrualRow): Accrual => ({
  accountId: row.account,
  wallet: row.wallet,
  amountWei: BigInt(row.amount),
});
