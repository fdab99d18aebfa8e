import { encodeEvent, topics } from '@openledger/contracts';
import { DomainError, derivedId, invariant } from '@openledger/kernel';
import {
  answers,
  type CreditNote,
  creditNoteName,
  type RefundRequest,
  refundable,
} from '../../domain/billing/refund.js';
import { PLATFORM, payer } from '../../domain/ledger/accounts.js';
import { availableOf } from '../../domain/ledger/standing.js';
import { single } from '../../domain/ledger/transfer.js';
import type { SettlementStore, SettlementTx } from '../ports.js';

/**
 * Gives a payer the fee of an answer back, wholly or in part, and writes the credit note. The platform pays: what the answer's
 * contributors were credited stays theirs, so a root that promises it stays true, and an answer can be refunded before its
 * fee is split as well as after.
 */
export class RefundAnswer {
  constructor(private readonly store: SettlementStore) {}

  /**
   * @throws DomainError RECEIPT_UNKNOWN, REFUND_NOT_METERED, REFUND_EXCEEDS_FEE, REFUND_INVALID, REFUND_CONFLICT,
   * PLATFORM_FUNDS_INSUFFICIENT
   */
  run(request: RefundRequest, issuedBy: string, now: Date): Promise<CreditNote> {
    return this.store.transaction(async (tx) => {
      await tx.refunds.lock(request);
      const found = await tx.refunds.find(request.id);
      if (found) return sameRefund(found, request);
      const note = await noteOf(tx, request, issuedBy, now);
      await pay(tx, note);
      await tx.refunds.insert(note);
      await tx.emit(refundedEvent(note));
      return note;
    });
  }
}

function sameRefund(found: CreditNote, request: RefundRequest): CreditNote {
  if (answers(found, request)) return found;
  const message = 'this refund id stands for something else; use a new id';
  throw new DomainError('conflict', 'REFUND_CONFLICT', message);
}

async function noteOf(
  tx: SettlementTx,
  request: RefundRequest,
  issuedBy: string,
  now: Date,
): Promise<CreditNote> {
  const answer = await tx.refunds.answer(request.requestId);
  if (!answer) throw new DomainError('not-found', 'RECEIPT_UNKNOWN', 'there is no such receipt');
  const { organisationId, modelId, feeWei } = answer;
  if (feeWei === undefined) {
    const message = 'the answer is not metered yet: try again when its receipt tells a fee';
    throw new DomainError('precondition', 'REFUND_NOT_METERED', message);
  }
  const refundedWei = await tx.refunds.refundedWei(request.requestId);
  const amountWei = refundable(request, feeWei, refundedWei);
  const year = now.getUTCFullYear();
  const place = await tx.refunds.nextNumber(organisationId, year, now);
  return {
    refundId: request.id,
    requestId: request.requestId,
    organisationId,
    modelId,
    year,
    feeWei,
    amountWei,
    ...(request.amountWei === undefined ? {} : { askedWei: request.amountWei }),
    refundedWei: refundedWei + amountWei,
    reason: request.reason,
    note: request.note,
    issuedBy,
    ...place,
  };
}

async function pay(tx: SettlementTx, note: CreditNote): Promise<void> {
  const credit = payer(note.organisationId);
  const [platform] = await tx.ledger.lockAll([PLATFORM, credit]);
  invariant(platform, 'accounts stand somewhere once they are locked');
  const availableWei = availableOf(platform);
  if (availableWei < note.amountWei) {
    throw new DomainError(
      'precondition',
      'PLATFORM_FUNDS_INSUFFICIENT',
      'the platform has earned less than this refund: wait until it has, or refund a part',
      { details: { neededWei: note.amountWei.toString(), availableWei: availableWei.toString() } },
    );
  }
  const { amountWei, refundId: reference } = note;
  await tx.ledger.post([single({ debit: PLATFORM, credit, amountWei, reason: 'refund', reference })]);
}

const refundedEvent = (note: CreditNote) =>
  encodeEvent(topics.settlementRefunded, derivedId(note.refundId, topics.settlementRefunded.name), {
    refundId: note.refundId,
    requestId: note.requestId,
    organisationId: note.organisationId,
    modelId: note.modelId,
    amountWei: note.amountWei.toString(),
    reason: note.reason,
    creditNote: creditNoteName(note),
    refundedAt: note.issuedAt,
  });
