import type { AccountKind } from '../../domain/ledger/accounts.js';
import type { Entry, Recorded } from '../../domain/ledger/books.js';
import type { Standing } from '../../domain/ledger/standing.js';
import type { Transfer } from '../../domain/ledger/transfer.js';
import type { RefusalCode } from '../../domain/ledger/transfer-result.js';
import type { AccountKey } from './account-keys.js';
import { plain } from './plain-batch.js';

export interface StandingRow {
  readonly key: string;
  readonly dp: string;
  readonly dpo: string;
  readonly cp: string;
  readonly cpo: string;
}

export interface TransferRow {
  readonly id: string;
  readonly kind: Transfer['kind'];
  readonly debit: string;
  readonly credit: string;
  readonly amount: string;
  readonly pending_id: string | null;
  readonly expires_at: Date | null;
  readonly reason: string;
  readonly reference: string;
  readonly refusal: RefusalCode | null;
}

/** In the order of their names, as every batch locks them; the names have one order everywhere. */
export const LOCK_ACCOUNTS = `
  SELECT key, debits_pending AS dp, debits_posted AS dpo, credits_pending AS cp, credits_posted AS cpo
  FROM account WHERE key = ANY($1::bigint[]) ORDER BY id FOR NO KEY UPDATE`;

export const FIND_TRANSFERS = `
  SELECT id, kind, debit, credit, amount, pending_id, expires_at, reason, reference, refusal
  FROM transfer WHERE id = ANY($1::uuid[])`;

export const FIND_RESOLVED =
  'SELECT pending_id FROM transfer WHERE pending_id = ANY($1::uuid[]) AND refusal IS NULL';

/**
 * One statement: the rows, and what they move summed by account. The second condition says what the first implies, and
 * makes the planner fetch the batch's accounts by their keys where it would read and hash all accounts there are: 4 ms
 * for 1,170 of 100,000 accounts where it took 39.
 */
export const WRITE_ENTRIES = `
  WITH written AS (
    INSERT INTO transfer (id, kind, debit, credit, amount, released, pending_id, expires_at, refusal, reason,
      reference, recorded_at)
    SELECT *, $12::timestamptz
    FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::bigint[], $5::numeric[], $6::numeric[], $7::uuid[],
      $8::timestamptz[], $9::text[], $10::text[], $11::text[])
  )
  UPDATE account SET
    debits_pending = debits_pending + moved.dp, debits_posted = debits_posted + moved.dpo,
    credits_pending = credits_pending + moved.cp, credits_posted = credits_posted + moved.cpo
  FROM unnest($13::bigint[], $14::numeric[], $15::numeric[], $16::numeric[], $17::numeric[])
    AS moved (key, dp, dpo, cp, cpo)
  WHERE account.key = moved.key AND account.key = ANY($13::bigint[])`;

export const INSERT_EXPIRIES = `
  INSERT INTO pending_expiry (transfer_id, expires_at) SELECT * FROM unnest($1::uuid[], $2::timestamptz[])`;

/** Without locks: whoever resolves one at the same time comes first, and the ledger says so to the other. */
export const FIND_EXPIRED = `
  SELECT transfer.id, debit.id AS debit, debit.kind AS debit_kind, credit.id AS credit, credit.kind AS credit_kind, amount,
    reference, pending_expiry.expires_at
  FROM pending_expiry JOIN transfer ON transfer.id = transfer_id
    JOIN account debit ON debit.key = transfer.debit JOIN account credit ON credit.key = transfer.credit
  WHERE pending_expiry.expires_at <= $1 ORDER BY pending_expiry.expires_at LIMIT $2`;

export interface ExpiredRow {
  readonly id: string;
  readonly debit: string;
  readonly debit_kind: AccountKind;
  readonly credit: string;
  readonly credit_kind: AccountKind;
  readonly amount: string;
  readonly reference: string;
  readonly expires_at: Date;
}

export const toTransfer = (row: ExpiredRow): Transfer => ({
  id: row.id,
  kind: 'pending',
  debit: { id: row.debit, kind: row.debit_kind },
  credit: { id: row.credit, kind: row.credit_kind },
  amountWei: BigInt(row.amount),
  expiresAt: row.expires_at,
  reason: 'pending',
  reference: row.reference,
});

export const DELETE_EXPIRIES = 'DELETE FROM pending_expiry WHERE transfer_id = ANY($1::uuid[])';

export const toStanding = (row: StandingRow): Standing => ({
  debitsPendingWei: BigInt(row.dp),
  debitsPostedWei: BigInt(row.dpo),
  creditsPendingWei: BigInt(row.cp),
  creditsPostedWei: BigInt(row.cpo),
});

/** Accounts that the batch does not name get a name that equals none. */
export function toRecorded(row: TransferRow, names: ReadonlyMap<string, string>): Recorded {
  return {
    id: row.id,
    kind: row.kind,
    debitId: names.get(row.debit) ?? `#${row.debit}`,
    creditId: names.get(row.credit) ?? `#${row.credit}`,
    amountWei: BigInt(row.amount),
    ...(row.pending_id === null ? {} : { pendingId: row.pending_id }),
    ...(row.expires_at === null ? {} : { expiresAt: row.expires_at }),
    reason: row.reason,
    reference: row.reference,
    ...(row.refusal === null ? {} : { refusal: row.refusal }),
  };
}

export function entryColumns(
  entries: readonly Entry[],
  keys: ReadonlyMap<string, AccountKey>,
  now: Date,
): unknown[] {
  return [
    plain(entries.map((entry) => entry.id)),
    plain(entries.map((entry) => entry.kind)),
    plain(entries.map((entry) => keys.get(entry.debitId)?.key)),
    plain(entries.map((entry) => keys.get(entry.creditId)?.key)),
    plain(entries.map((entry) => entry.amountWei)),
    plain(entries.map((entry) => entry.releasedWei)),
    plain(entries.map((entry) => entry.pendingId)),
    plain(entries.map((entry) => entry.expiresAt?.toISOString())),
    plain(entries.map((entry) => entry.refusal)),
    entries.map((entry) => entry.reason),
    entries.map((entry) => entry.reference),
    now,
  ];
}

export interface Movement {
  readonly key: string;
  readonly from: Standing;
  readonly to: Standing;
}

export const movementColumns = (moved: readonly Movement[]): string[] => [
  plain(moved.map(({ key }) => key)),
  plain(moved.map(({ from, to }) => to.debitsPendingWei - from.debitsPendingWei)),
  plain(moved.map(({ from, to }) => to.debitsPostedWei - from.debitsPostedWei)),
  plain(moved.map(({ from, to }) => to.creditsPendingWei - from.creditsPendingWei)),
  plain(moved.map(({ from, to }) => to.creditsPostedWei - from.creditsPostedWei)),
];
