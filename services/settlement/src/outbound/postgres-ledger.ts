import { DomainError } from '@openledger/kernel';
import type { Transaction } from '@openledger/persistence';
import type { Ledger } from '../application/ports.js';
import type { Account } from '../domain/accounts.js';
import type { Standing } from '../domain/standing.js';
import type { Transfer } from '../domain/transfer.js';

/** Accounts in one order everywhere, so that two batches never wait for each other in a circle. */
const INSERT_ACCOUNTS = `
  INSERT INTO account (id, kind)
  SELECT given.id, given.kind FROM unnest($1::text[], $2::text[]) AS given (id, kind) ORDER BY given.id
  ON CONFLICT DO NOTHING`;

const LOCK_ACCOUNTS = 'SELECT id FROM account WHERE id = ANY($1::text[]) ORDER BY id FOR UPDATE';

/** One statement: what is new is recorded, summed per account and brought into the balances; repeats move nothing. */
const POST_TRANSFERS = `
  WITH inserted AS (
    INSERT INTO transfer (id, kind, debit, credit, amount, pending_id, reason, reference)
    SELECT id, kind, debit, credit, amount, pending_id, reason, reference
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::numeric[], $6::uuid[], $7::text[], $8::text[])
      WITH ORDINALITY AS given (id, kind, debit, credit, amount, pending_id, reason, reference, position)
    ORDER BY position
    ON CONFLICT (id) DO NOTHING
    RETURNING id, kind, debit, credit, amount, pending_id
  ), moved AS (
    SELECT inserted.debit, inserted.credit,
      CASE inserted.kind WHEN 'pending' THEN inserted.amount WHEN 'single' THEN 0 ELSE -held.amount END AS pending,
      CASE WHEN inserted.kind IN ('single', 'post') THEN inserted.amount ELSE 0 END AS posted
    FROM inserted LEFT JOIN transfer held ON held.id = inserted.pending_id
  ), delta AS (
    SELECT account, sum(dp) AS dp, sum(dpo) AS dpo, sum(cp) AS cp, sum(cpo) AS cpo FROM (
      SELECT debit AS account, pending AS dp, posted AS dpo, 0 AS cp, 0 AS cpo FROM moved
      UNION ALL
      SELECT credit, 0, 0, pending, posted FROM moved
    ) AS sides GROUP BY account
  ), updated AS (
    UPDATE account SET
      debits_pending = debits_pending + dp, debits_posted = debits_posted + dpo,
      credits_pending = credits_pending + cp, credits_posted = credits_posted + cpo
    FROM delta WHERE account.id = delta.account
  )
  SELECT id FROM inserted`;

const FIND_DIFFERENT = `
  SELECT given.id
  FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::numeric[])
    AS given (id, kind, debit, credit, amount)
  JOIN transfer USING (id)
  WHERE (transfer.kind, transfer.debit, transfer.credit, transfer.amount)
    <> (given.kind, given.debit, given.credit, given.amount)
  LIMIT 1`;

interface AccountRow {
  readonly debits_pending: string;
  readonly debits_posted: string;
  readonly credits_pending: string;
  readonly credits_posted: string;
}

/** The books in Postgres; CHECK constraints and triggers are the backstop for every rule in here. */
export class PostgresLedger implements Ledger {
  constructor(private readonly tx: Transaction) {}

  async post(transfers: readonly Transfer[]): Promise<void> {
    if (transfers.length === 0) return;
    await this.open(transfers.flatMap((transfer) => [transfer.debit, transfer.credit]));
    const columns = [
      transfers.map((t) => t.id),
      transfers.map((t) => t.kind),
      transfers.map((t) => t.debit.id),
      transfers.map((t) => t.credit.id),
      transfers.map((t) => t.amountWei.toString()),
    ];
    const rest = [
      transfers.map((t) => t.pendingId ?? null),
      transfers.map((t) => t.reason),
      transfers.map((t) => t.reference),
    ];
    try {
      const inserted = await this.tx.query(POST_TRANSFERS, [...columns, ...rest]);
      if (inserted.length < transfers.length) await this.refuseDifferent(columns);
    } catch (error) {
      throw asRefusal(error);
    }
  }

  async lock(account: Account): Promise<Standing> {
    await this.open([account]);
    const [row] = await this.tx.query<AccountRow>('SELECT * FROM account WHERE id = $1', [account.id]);
    return {
      debitsPendingWei: BigInt(row?.debits_pending ?? 0),
      debitsPostedWei: BigInt(row?.debits_posted ?? 0),
      creditsPendingWei: BigInt(row?.credits_pending ?? 0),
      creditsPostedWei: BigInt(row?.credits_posted ?? 0),
    };
  }

  /** Makes accounts that are missing, so that a first use locks like any other. */
  private async open(accounts: readonly Account[]): Promise<void> {
    const kinds = new Map(accounts.map((account) => [account.id, account.kind]));
    await this.tx.query(INSERT_ACCOUNTS, [[...kinds.keys()], [...kinds.values()]]);
    await this.tx.query(LOCK_ACCOUNTS, [[...kinds.keys()]]);
  }

  private async refuseDifferent(columns: readonly unknown[][]): Promise<void> {
    const [different] = await this.tx.query<{ id: string }>(FIND_DIFFERENT, columns);
    if (!different) return;
    throw new DomainError(
      'conflict',
      'TRANSFER_ID_REUSED',
      `transfer ${different.id} exists with other content`,
    );
  }
}

function asRefusal(error: unknown): unknown {
  const { constraint } = error as { constraint?: unknown };
  if (constraint !== 'no_overdraft') return error;
  return new DomainError(
    'payment-required',
    'INSUFFICIENT_BALANCE',
    'the balance is too low for this transfer',
    {
      cause: error,
    },
  );
}
