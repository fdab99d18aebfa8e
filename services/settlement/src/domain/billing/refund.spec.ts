import {
  answers,
  type CreditNote,
  creditNoteHash,
  creditNoteName,
  type RefundRequest,
  refundable,
} from './refund.js';

const request: RefundRequest = {
  id: 'r',
  requestId: 'q',
  amountWei: 30n,
  reason: 'quality',
  note: 'wrong tongue',
};
const { amountWei: _, ...whole } = request;
const note: CreditNote = {
  refundId: 'r',
  requestId: 'q',
  organisationId: 'o',
  modelId: 'm',
  year: 2026,
  number: 12,
  feeWei: 100n,
  amountWei: 30n,
  askedWei: 30n,
  refundedWei: 30n,
  reason: 'quality',
  note: 'wrong tongue',
  issuedBy: 'operator',
  issuedAt: new Date('2026-11-21T12:00:00Z'),
};
const refusal = (amountWei: bigint, feeWei: bigint, refundedWei: bigint) => {
  try {
    return refundable({ ...request, amountWei }, feeWei, refundedWei);
  } catch (error) {
    return (error as { code: string }).code;
  }
};

describe('a refund', () => {
  it('is what is asked for, or all that is left', () => {
    expect(refundable(request, 100n, 0n)).toBe(30n);
    expect(refundable(request, 100n, 70n)).toBe(30n);
    expect(refundable(whole, 100n, 70n)).toBe(30n);
    expect(refundable(whole, 100n, 0n)).toBe(100n);
  });

  it.each([
    [0n, 100n, 0n, 'REFUND_INVALID'],
    [-1n, 100n, 0n, 'REFUND_INVALID'],
    [101n, 100n, 0n, 'REFUND_EXCEEDS_FEE'],
    [31n, 100n, 70n, 'REFUND_EXCEEDS_FEE'],
    [2n ** 128n, 100n, 0n, 'REFUND_EXCEEDS_FEE'],
  ])('of %d of a fee of %d, %d of it refunded: %s', (amountWei, feeWei, refundedWei, code) => {
    expect(refusal(amountWei, feeWei, refundedWei)).toBe(code);
  });

  it('is refused where nothing is left', () => {
    const code = expect.objectContaining({ code: 'REFUND_EXCEEDS_FEE' });
    expect(() => refundable(whole, 100n, 100n)).toThrow(code);
    expect(() => refundable(whole, 0n, 0n)).toThrow(code);
  });

  it('is repeated by the same content alone', () => {
    expect(answers(note, request)).toBe(true);
    const others = [
      whole,
      { ...request, amountWei: 31n },
      { ...request, requestId: 'p' },
      { ...request, note: '' },
    ];
    for (const other of others) expect(answers(note, other)).toBe(false);
    expect(answers(note, { ...request, reason: 'outage' })).toBe(false);
  });
});

describe('a credit note', () => {
  it('has a name that sorts, and a hash of what it says', () => {
    expect(creditNoteName(note)).toBe('CN-2026-000012');
    expect(creditNoteHash(note)).toMatch(/^[0-9a-f]{64}$/);
    expect(creditNoteHash({ ...note })).toBe(creditNoteHash(note));
    for (const change of [{ amountWei: 31n }, { number: 13 }, { note: '' }, { issuedAt: new Date(0) }]) {
      expect(creditNoteHash({ ...note, ...change })).not.toBe(creditNoteHash(note));
    }
  });
});
