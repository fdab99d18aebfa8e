import { canonicalJson, DomainError, sha256 } from '@openledger/kernel';

/** Why an answer is refunded. */
export const REFUND_REASONS = ['quality', 'outage', 'duplicate', 'billing-error', 'goodwill'] as const;
export type RefundReason = (typeof REFUND_REASONS)[number];

/** What an operator asks for; the id makes repeating it harmless. */
export interface RefundRequest {
  readonly id: string;
  readonly requestId: string;
  /** All that has not been refunded where it is absent. */
  readonly amountWei?: bigint;
  readonly reason: RefundReason;
  readonly note: string;
}

/** The document of a refund. It is never changed; what was wrong about one is put right by what follows it. */
export interface CreditNote {
  readonly refundId: string;
  readonly requestId: string;
  readonly organisationId: string;
  readonly modelId: string;
  /** Of the year of UTC in which it was issued. */
  readonly year: number;
  /** From 1, without gaps within organisation and year. */
  readonly number: number;
  readonly feeWei: bigint;
  readonly amountWei: bigint;
  /** As the request had it: a full refund asked for without an amount is repeated without one. */
  readonly askedWei?: bigint;
  /** Of this answer, this one included. */
  readonly refundedWei: bigint;
  readonly reason: RefundReason;
  readonly note: string;
  readonly issuedBy: string;
  readonly issuedAt: Date;
}

/** What a refund is told by. */
export const creditNoteName = ({ year, number }: Pick<CreditNote, 'year' | 'number'>): string =>
  `CN-${year}-${String(number).padStart(6, '0')}`;

/** What the note says, as decimal strings and ISO times. */
export const creditNoteText = (note: CreditNote) => ({
  creditNote: creditNoteName(note),
  refundId: note.refundId,
  requestId: note.requestId,
  organisationId: note.organisationId,
  modelId: note.modelId,
  feeWei: note.feeWei.toString(),
  amountWei: note.amountWei.toString(),
  refundedWei: note.refundedWei.toString(),
  reason: note.reason,
  note: note.note,
  issuedAt: note.issuedAt.toISOString(),
});

/** SHA-256 of the canonical text: whoever keeps a note can tell that it is still the same. */
export const creditNoteHash = (note: CreditNote): string => sha256(canonicalJson(creditNoteText(note)));

/** Whether a request is the one that the note answered. */
export const answers = (note: CreditNote, request: RefundRequest): boolean =>
  note.requestId === request.requestId &&
  note.askedWei === request.amountWei &&
  note.reason === request.reason &&
  note.note === request.note;

/** @throws DomainError REFUND_EXCEEDS_FEE, REFUND_INVALID */
export function refundable(request: RefundRequest, feeWei: bigint, refundedWei: bigint): bigint {
  const restWei = feeWei - refundedWei;
  const amountWei = request.amountWei ?? restWei;
  if (request.amountWei !== undefined && request.amountWei <= 0n) {
    throw new DomainError('invalid', 'REFUND_INVALID', 'a refund is a whole number of wei above 0');
  }
  if (amountWei > 0n && amountWei <= restWei) return amountWei;
  throw new DomainError(
    'conflict',
    'REFUND_EXCEEDS_FEE',
    'no more can be refunded than was charged and has not been refunded yet',
    {
      details: {
        feeWei: feeWei.toString(),
        refundedWei: refundedWei.toString(),
        refundableWei: restWei.toString(),
      },
    },
  );
}
