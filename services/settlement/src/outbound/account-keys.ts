import type { Transaction } from '@openledger/persistence';
import type { Account, AccountKind } from '../domain/accounts.js';

/** About 20 MB of names. */
const KEYS_MAX = 100_000;

export interface AccountKey {
  /** A bigint column, as text. */
  readonly key: string;
  readonly kind: AccountKind;
}

interface KeyRow extends AccountKey {
  readonly id: string;
  /** Not of this transaction, which may yet be rolled back. */
  readonly committed: boolean;
}

/** The numbers of accounts by name, which never change once they are committed. */
export class AccountKeys {
  private readonly known = new Map<string, AccountKey>();

  /** Makes the accounts that are missing, before the caller holds a lock on any: then nobody waits in a circle. */
  async of(tx: Transaction, accounts: ReadonlyMap<string, Account>): Promise<Map<string, AccountKey>> {
    const found = new Map<string, AccountKey>();
    const missing: Account[] = [];
    for (const [id, account] of accounts) {
      const key = this.known.get(id);
      if (key) found.set(id, key);
      else missing.push(account);
    }
    if (missing.length === 0) return found;
    for (const row of await this.readOrMake(tx, missing)) {
      found.set(row.id, row);
      if (row.committed) this.remember(row);
    }
    return found;
  }

  private async readOrMake(tx: Transaction, accounts: readonly Account[]): Promise<KeyRow[]> {
    const ids = accounts.map((account) => account.id);
    const rows = await tx.query<KeyRow>(FIND_ACCOUNTS, [ids]);
    if (rows.length === accounts.length) return rows;
    const there = new Set(rows.map((row) => row.id));
    const absent = accounts.filter((account) => !there.has(account.id));
    await tx.query(MAKE_ACCOUNTS, [absent.map(({ id }) => id), absent.map(({ kind }) => kind)]);
    return tx.query<KeyRow>(FIND_ACCOUNTS, [ids]);
  }

  private remember({ id, key, kind }: KeyRow): void {
    if (this.known.size >= KEYS_MAX) {
      const [oldest] = this.known.keys();
      if (oldest !== undefined) this.known.delete(oldest);
    }
    this.known.set(id, { key, kind });
  }
}

/** A row that this transaction has made or changed carries its number. */
const FIND_ACCOUNTS = `
  SELECT id, key, kind, xmin IS DISTINCT FROM pg_current_xact_id_if_assigned()::xid AS committed
  FROM account WHERE id = ANY($1::text[])`;

const MAKE_ACCOUNTS = `
  INSERT INTO account (id, kind)
  SELECT given.id, given.kind FROM unnest($1::text[], $2::text[]) AS given (id, kind) ORDER BY given.id COLLATE "C"
  ON CONFLICT DO NOTHING`;
