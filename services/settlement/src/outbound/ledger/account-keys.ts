import type { Transaction } from '@openledger/persistence';
import type { Account, AccountKind } from '../../domain/ledger/accounts.js';

/** About 20 MB of names. */
const KEYS_MAX = 100_000;

export interface AccountKey {
  /** A bigint column, as text. */
  readonly key: string;
  readonly kind: AccountKind;
}

interface KeyRow extends AccountKey {
  readonly id: string;
}

/** The numbers of accounts by name, which never change once they are committed. */
export class AccountKeys {
  private readonly known = new Map<string, AccountKey>();

  /**
   * Makes the accounts that are missing, before the caller holds a lock on any: then nobody waits in a circle. Those go
   * into `made`, which is the transaction's alone, because it may yet be rolled back.
   */
  async of(
    tx: Transaction,
    accounts: ReadonlyMap<string, Account>,
    made: Map<string, AccountKey>,
  ): Promise<Map<string, AccountKey>> {
    const found = new Map<string, AccountKey>();
    const missing = new Map<string, Account>();
    for (const [id, account] of accounts) {
      const key = this.known.get(id) ?? made.get(id);
      if (key) found.set(id, key);
      else missing.set(id, account);
    }
    if (missing.size === 0) return found;
    for (const row of await this.find(tx, missing)) {
      found.set(row.id, row);
      this.remember(row);
      missing.delete(row.id);
    }
    if (missing.size === 0) return found;
    const absent = [...missing.values()];
    await tx.query(MAKE_ACCOUNTS, [absent.map(({ id }) => id), absent.map(({ kind }) => kind)]);
    for (const row of await this.find(tx, missing)) {
      found.set(row.id, row);
      made.set(row.id, row);
    }
    return found;
  }

  private find(tx: Transaction, accounts: ReadonlyMap<string, Account>): Promise<KeyRow[]> {
    return tx.query<KeyRow>(FIND_ACCOUNTS, [[...accounts.keys()]]);
  }

  private remember({ id, key, kind }: KeyRow): void {
    if (this.known.size >= KEYS_MAX) {
      const [oldest] = this.known.keys();
      if (oldest !== undefined) this.known.delete(oldest);
    }
    this.known.set(id, { key, kind });
  }
}

const FIND_ACCOUNTS = 'SELECT id, key, kind FROM account WHERE id = ANY($1::text[])';

const MAKE_ACCOUNTS = `
  INSERT INTO account (id, kind)
  SELECT given.id, given.kind FROM unnest($1::text[], $2::text[]) AS given (id, kind) ORDER BY given.id COLLATE "C"
  ON CONFLICT DO NOTHING`;
