import type { Transaction } from '@openledger/persistence';
import type { ChargedAnswer, RefundLedger } from '../../application/billing/billing-ports.js';
import type { CreditNote, RefundReason } from '../../domain/billing/refund.js';

export interface CreditNoteRow {
  readonly refund_id: string;
  readonly request_id: string;
  readonly organisation_id: string;
  readonly model_id: string;
  readonly year: number;
  readonly number: number;
  readonly fee: string;
  readonly amount: string;
  readonly asked: string | null;
  readonly refunded: string;
  readonly reason: RefundReason;
  readonly note: string;
  readonly issued_by: string;
  readonly issued_at: Date;
}

/** Credit notes; the money itself is in the ledger. */
export class PostgresRefunds implements RefundLedger {
  constructor(private readonly tx: Transaction) {}

  async lock(refund: { readonly id: string; readonly requestId: string }): Promise<void> {
    await this.tx.query(
      `SELECT pg_advisory_xact_lock(hashtext('settlement.refund'), hashtext($1)),
         pg_advisory_xact_lock(hashtext('settlement.refunded'), hashtext($2))`,
      [refund.id, refund.requestId],
    );
  }

  async answer(requestId: string): Promise<ChargedAnswer | undefined> {
    const [row] = await this.tx.query<{ organisation_id: string; model_id: string; fee: string | null }>(
      'SELECT organisation_id, model_id, fee FROM request WHERE id = $1 AND served_at IS NOT NULL',
      [requestId],
    );
    return (
      row && {
        organisationId: row.organisation_id,
        modelId: row.model_id,
        ...(row.fee === null ? {} : { feeWei: BigInt(row.fee) }),
      }
    );
  }

  async find(refundId: string): Promise<CreditNote | undefined> {
    const sql = 'SELECT * FROM credit_note WHERE refund_id = $1';
    const [row] = await this.tx.query<CreditNoteRow>(sql, [refundId]);
    return row && toCreditNote(row);
  }

  async refundedWei(requestId: string): Promise<bigint> {
    const [row] = await this.tx.query<{ refunded: string | null }>(
      'SELECT max(refunded) AS refunded FROM credit_note WHERE request_id = $1',
      [requestId],
    );
    return BigInt(row?.refunded ?? 0);
  }

  async nextNumber(
    organisationId: string,
    year: number,
    now: Date,
  ): Promise<Pick<CreditNote, 'number' | 'issuedAt'>> {
    const [row] = await this.tx.query<{ last_number: number; last_issued_at: Date }>(
      `INSERT INTO credit_note_series AS series (organisation_id, year, last_number, last_issued_at)
       VALUES ($1, $2, 1, $3)
       ON CONFLICT (organisation_id, year) DO UPDATE SET last_number = series.last_number + 1,
         last_issued_at = greatest(series.last_issued_at, excluded.last_issued_at)
       RETURNING last_number, last_issued_at`,
      [organisationId, year, now],
    );
    return { number: row?.last_number ?? 1, issuedAt: row?.last_issued_at ?? now };
  }

  async insert(note: CreditNote): Promise<void> {
    await this.tx.query(
      `INSERT INTO credit_note (refund_id, request_id, organisation_id, model_id, year, number, fee, amount, asked,
         refunded, reason, note, issued_by, issued_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
      [
        note.refundId,
        note.requestId,
        note.organisationId,
        note.modelId,
        note.year,
        note.number,
        note.feeWei.toString(),
        note.amountWei.toString(),
        note.askedWei?.toString() ?? null,
        note.refundedWei.toString(),
        note.reason,
        note.note,
        note.issuedBy,
        note.issuedAt,
      ],
    );
  }
}

export const toCreditNote = (row: CreditNoteRow): CreditNote => ({
  refundId: row.refund_id,
  requestId: row.request_id,
  organisationId: row.organisation_id,
  modelId: row.model_id,
  year: row.year,
  number: row.number,
  feeWei: BigInt(row.fee),
  amountWei: BigInt(row.amount),
  ...(row.asked === null ? {} : { askedWei: BigInt(row.asked) }),
  refundedWei: BigInt(row.refunded),
  reason: row.reason,
  note: row.note,
  issuedBy: row.issued_by,
  issuedAt: row.issued_at,
});
