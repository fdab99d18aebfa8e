import { type Clock, DomainError, invariant } from '@openledger/kernel';
import type { Transaction } from '@openledger/persistence';
import type { Ledger } from '../../application/ports.js';
import type { Account } from '../../domain/ledger/accounts.js';
import { Books } from '../../domain/ledger/books.js';
import { malformation } from '../../domain/ledger/check-transfer.js';
import { refusalOf } from '../../domain/ledger/refusal.js';
import type { Standing } from '../../domain/ledger/standing.js';
import type { Transfer } from '../../domain/ledger/transfer.js';
import { isDone, type TransferResult } from '../../domain/ledger/transfer-result.js';
import type { AccountKey, AccountKeys } from './account-keys.js';
import {
  DELETE_EXPIRIES,
  type ExpiredRow,
  entryColumns,
  FIND_EXPIRED,
  FIND_RESOLVED,
  FIND_TRANSFERS,
  INSERT_EXPIRIES,
  LOCK_ACCOUNTS,
  movementColumns,
  type StandingRow,
  type TransferRow,
  toRecorded,
  toStanding,
  toTransfer,
  WRITE_ENTRIES,
} from './ledger-rows.js';
import { POST_SINGLES, plainAccounts, plainColumns } from './plain-batch.js';

const BATCH_MAX = 10_000;
/** Smaller batches are judged one by one: that takes fewer statements where something is refused. */
const PLAIN_MIN = 10;

interface OpenBatch {
  readonly books: Books;
  readonly keys: ReadonlyMap<string, AccountKey>;
  readonly before: ReadonlyMap<string, Standing>;
}

/** The books in Postgres. `Books` decides; CHECK constraints and triggers are the backstop for every rule in it. */
export class PostgresLedger implements Ledger {
  /** Accounts of this transaction's making. */
  private readonly made = new Map<string, AccountKey>();

  constructor(
    private readonly tx: Transaction,
    private readonly accountKeys: AccountKeys,
    private readonly clock: Clock,
  ) {}

  async submit(transfers: readonly Transfer[]): Promise<TransferResult[]> {
    if (transfers.length > BATCH_MAX) {
      const message = `a batch has at most ${BATCH_MAX} transfers: send more batches`;
      throw new DomainError('too-large', 'LEDGER_BATCH_TOO_LARGE', message);
    }
    if (transfers.length >= PLAIN_MIN && (await this.postPlain(transfers))) {
      return transfers.map(({ id }) => ({ id, code: 'created' }));
    }
    const batch = await this.openBooks(transfers);
    const results = batch.books.submit(transfers);
    await this.write(batch);
    return results;
  }

  async post(transfers: readonly Transfer[]): Promise<void> {
    for (let at = 0; at < transfers.length; at += BATCH_MAX) {
      const part = transfers.slice(at, at + BATCH_MAX);
      const batch = await this.openBooks(part);
      const refused = batch.books.submit(part).find((result) => !isDone(result));
      if (refused) throw refusalOf(refused);
      await this.write(batch);
    }
  }

  async lock(account: Account): Promise<Standing> {
    const [standing] = await this.lockAll([account]);
    invariant(standing, `account ${account.id} was locked`);
    return standing;
  }

  async lockAll(accounts: readonly Account[]): Promise<Standing[]> {
    const { standings } = await this.lockNamed(new Map(accounts.map((account) => [account.id, account])));
    return accounts.flatMap(({ id }) => standings.get(id) ?? []);
  }

  async expired(limit: number): Promise<Transfer[]> {
    const rows = await this.tx.query<ExpiredRow>(FIND_EXPIRED, [this.clock.now(), limit]);
    return rows.map(toTransfer);
  }

  /** One call, so that the accounts stay locked no longer than the server needs. */
  private async postPlain(transfers: readonly Transfer[]): Promise<boolean> {
    const accounts = plainAccounts(transfers);
    if (!accounts) return false;
    const keys = await this.accountKeys.of(this.tx, accounts, this.made);
    const columns = plainColumns(transfers, keys, this.clock.now());
    if (!columns) return false;
    const [row] = await this.tx.query<{ posted: boolean }>(POST_SINGLES, columns);
    return row?.posted === true;
  }

  /** Accounts are locked before transfers are looked up: who waited for the same batch sees what it did. */
  private async openBooks(transfers: readonly Transfer[]): Promise<OpenBatch> {
    const sound = transfers.filter((transfer) => malformation(transfer) === undefined);
    const accounts = new Map<string, Account>();
    for (const { debit, credit } of sound) {
      if (!accounts.has(debit.id)) accounts.set(debit.id, debit);
      if (!accounts.has(credit.id)) accounts.set(credit.id, credit);
    }
    const { keys, standings } = await this.lockNamed(accounts);
    const books = new Books(this.clock.now());
    for (const [id, standing] of standings) {
      const kind = keys.get(id)?.kind;
      if (kind) books.openAccount({ id, kind }, standing);
    }
    await this.recall(books, sound, keys);
    return { books, keys, before: standings };
  }

  private async lockNamed(accounts: ReadonlyMap<string, Account>) {
    const keys = await this.accountKeys.of(this.tx, accounts, this.made);
    const names = new Map([...keys].map(([id, { key }]) => [key, id]));
    const standings = new Map<string, Standing>();
    if (names.size === 0) return { keys, standings };
    const rows = await this.tx.query<StandingRow>(LOCK_ACCOUNTS, [`{${[...names.keys()].join(',')}}`]);
    for (const row of rows) standings.set(names.get(row.key) ?? '', toStanding(row));
    invariant(rows.length === accounts.size, 'accounts are never deleted');
    return { keys, standings };
  }

  private async recall(
    books: Books,
    transfers: readonly Transfer[],
    keys: ReadonlyMap<string, AccountKey>,
  ): Promise<void> {
    if (transfers.length === 0) return;
    const pendingIds = transfers.flatMap(({ pendingId }) => pendingId ?? []);
    const ids = [...transfers.map(({ id }) => id), ...pendingIds];
    const found = await this.tx.query<TransferRow>(FIND_TRANSFERS, [`{${ids.join(',')}}`]);
    if (found.length > 0) {
      const names = new Map([...keys].map(([id, { key }]) => [key, id]));
      for (const row of found) books.remember(toRecorded(row, names));
    }
    if (pendingIds.length === 0) return;
    const resolved = await this.tx.query<{ pending_id: string }>(FIND_RESOLVED, [pendingIds]);
    for (const row of resolved) books.rememberResolved(row.pending_id);
  }

  private async write({ books, keys, before }: OpenBatch): Promise<void> {
    const { entries } = books;
    if (entries.length === 0) return;
    const moved = [...before].flatMap(([id, from]) => {
      const to = books.standingOf(id);
      const key = keys.get(id)?.key;
      return to === from || key === undefined ? [] : [{ key, from, to }];
    });
    await this.tx
      .query(WRITE_ENTRIES, [...entryColumns(entries, keys, books.now), ...movementColumns(moved)])
      .catch((error: unknown) => {
        throw asRetryable(error);
      });
    const expiring = entries.filter((entry) => entry.expiresAt && !entry.refusal);
    if (expiring.length > 0) {
      const columns = [expiring.map(({ id }) => id), expiring.map(({ expiresAt }) => expiresAt)];
      await this.tx.query(INSERT_EXPIRIES, columns);
    }
    const resolved = entries.flatMap(({ pendingId, refusal }) => (refusal ? [] : (pendingId ?? [])));
    if (resolved.length > 0) await this.tx.query(DELETE_EXPIRIES, [resolved]);
  }
}

/**
 * Somebody used the same id for other accounts at the same time: run again (SQLSTATE of a serialisation failure), the
 * transaction sees what became of it.
 */
function asRetryable(error: unknown): unknown {
  const { constraint } = error as { constraint?: unknown };
  if (constraint !== 'transfer_id') return error;
  return Object.assign(new Error('a transfer id was used at the same time', { cause: error }), {
    code: '40001',
  });
}
