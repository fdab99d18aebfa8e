import type { Account, AccountKind } from '../../domain/ledger/accounts.js';
import { malformation } from '../../domain/ledger/check-transfer.js';
import { greater } from '../../domain/ledger/standing.js';
import type { Transfer } from '../../domain/ledger/transfer.js';
import type { AccountKey } from './account-keys.js';

/**
 * The way of nearly every batch: only single transfers, none known, none refused. The database finds that out under its
 * locks and answers false, having done nothing, when it is not so.
 */
export const POST_SINGLES = `
  SELECT post_singles($1, $2::uuid[], $3::bigint[], $4::bigint[], $5::numeric[], $6::text[], $7::text[], $8::bigint[],
    $9::numeric[], $10::numeric[], $11::numeric[]) AS posted`;

/** The accounts of a batch that may be plain. */
export function plainAccounts(transfers: readonly Transfer[]): Map<string, Account> | undefined {
  const accounts = new Map<string, Account>();
  for (const transfer of transfers) {
    if (transfer.kind !== 'single' || malformation(transfer) !== undefined) return undefined;
    accounts.set(transfer.debit.id, transfer.debit).set(transfer.credit.id, transfer.credit);
  }
  return accounts;
}

/** What a batch does to one account. */
class Moved {
  debited = 0n;
  credited = 0n;
  /** What must be there for every transfer to pass in its turn. */
  needed = 0n;

  constructor(private readonly kind: AccountKind) {}

  debit(amountWei: bigint): void {
    this.debited += amountWei;
    if (this.kind === 'liability') this.needed = greater(this.needed, this.debited - this.credited);
  }

  credit(amountWei: bigint): void {
    this.credited += amountWei;
    if (this.kind === 'asset') this.needed = greater(this.needed, this.credited - this.debited);
  }
}

/** The parameters of POST_SINGLES; none where an account is of another kind than the batch thinks. */
export function plainColumns(
  transfers: readonly Transfer[],
  keys: ReadonlyMap<string, AccountKey>,
  now: Date,
): unknown[] | undefined {
  const accounts = new Map<string, Moved>();
  const movedOf = ({ key, kind }: AccountKey): Moved => {
    const found = accounts.get(key);
    if (found) return found;
    const made = new Moved(kind);
    accounts.set(key, made);
    return made;
  };
  const debits: string[] = [];
  const credits: string[] = [];
  for (const { debit, credit, amountWei } of transfers) {
    const from = keys.get(debit.id);
    const to = keys.get(credit.id);
    if (from?.kind !== debit.kind || to?.kind !== credit.kind) return undefined;
    movedOf(from).debit(amountWei);
    movedOf(to).credit(amountWei);
    debits.push(from.key);
    credits.push(to.key);
  }
  const moved = [...accounts.values()];
  return [
    now,
    plain(transfers.map(({ id }) => id)),
    plain(debits),
    plain(credits),
    plain(transfers.map(({ amountWei }) => amountWei)),
    quoted(transfers.map(({ reason }) => reason)),
    quoted(transfers.map(({ reference }) => reference)),
    plain([...accounts.keys()]),
    plain(moved.map(({ debited }) => debited)),
    plain(moved.map(({ credited }) => credited)),
    plain(moved.map(({ needed }) => needed)),
  ];
}

/** A Postgres array of values that need no quotes; the driver's own encoder looks at each for them. */
export const plain = (values: readonly (string | bigint | undefined)[]): string =>
  `{${values.map((value) => value ?? 'NULL').join(',')}}`;

const quoted = (values: readonly string[]): string =>
  `{${values.map((value) => `"${/["\\]/.test(value) ? value.replaceAll(/["\\]/g, '\\$&') : value}"`).join(',')}}`;
