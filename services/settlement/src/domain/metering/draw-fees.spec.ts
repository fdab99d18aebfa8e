import fc from 'fast-check';
import { type Bill, drawFees, needsBalance, type Pot } from './draw-fees.js';

const ORGANISATIONS = ['a', 'b'];
const pot = (id: string, fields: Partial<Pot> = {}): Pot => ({
  id,
  organisationId: 'a',
  grantedWei: 100n,
  spentWei: 0n,
  receipts: 0,
  open: true,
  ...fields,
});
const potsOf = (...pots: Pot[]) => new Map(pots.map((one) => [one.id, one]));
const bill = (pricedWei: bigint, fields: Partial<Bill> = {}): Bill => ({
  organisationId: 'a',
  pricedWei,
  ...fields,
});
const feesOf = (bills: readonly Bill[], pots: ReadonlyMap<string, Pot>, balanceWei: bigint) =>
  drawFees(bills, pots, () => balanceWei).payments.map(
    ({ ofHoldWei, ofPotWei, ofBalanceWei }) => `${ofHoldWei}+${ofPotWei}+${ofBalanceWei}`,
  );

describe('drawFees', () => {
  it('pays from the hold alone, from the pot first, and the rest from the balance', () => {
    const pots = potsOf(pot('p'));
    const bills = [
      bill(30n, { heldWei: 20n, potId: 'p' }),
      bill(60n, { potId: 'p' }),
      bill(60n, { potId: 'p' }),
      bill(9n),
    ];
    expect(feesOf(bills, pots, 25n)).toEqual(['20+0+0', '0+60+0', '0+40+20', '0+0+5']);
  });

  it('gives the rest of a pot back with its last answer, to be spent by the next', () => {
    const pots = potsOf(pot('p', { receiptsTold: 2, receipts: 1 }));
    const bills = [bill(30n, { potId: 'p' }), bill(80n, { potId: 'p' })];
    expect(feesOf(bills, pots, 0n)).toEqual(['0+30+0', '0+0+70']);
    expect(drawFees(bills, pots, () => 0n).pots).toEqual([
      { pot: pots.get('p'), spentWei: 30n, receipts: 2, settled: true },
    ]);
    expect(needsBalance(bills, pots)).toEqual(new Set(['a']));
  });

  it('draws on no pot that has ended or is of somebody else', () => {
    const pots = potsOf(pot('ended', { open: false }), pot('other', { organisationId: 'b' }));
    const bills = ['ended', 'other', 'unknown'].map((potId) => bill(10n, { potId }));
    expect(feesOf(bills, pots, 25n)).toEqual(['0+0+10', '0+0+10', '0+0+5']);
    expect(drawFees(bills, pots, () => 25n).pots).toEqual([]);
  });

  it('asks for no balance where pots and holds suffice', () => {
    const pots = potsOf(pot('p'));
    expect(needsBalance([bill(100n, { potId: 'p' }), bill(7n, { heldWei: 3n })], pots)).toEqual(new Set());
    expect(needsBalance([bill(101n, { potId: 'p' })], pots)).toEqual(new Set(['a']));
  });

  const amount = fc.bigInt(0n, 200n);
  const anyBill = fc.record({
    organisationId: fc.constantFrom(...ORGANISATIONS),
    pricedWei: amount,
    heldWei: fc.option(amount, { nil: undefined, freq: 4 }),
    potId: fc.option(fc.constantFrom('p', 'q', 'r'), { nil: undefined }),
  });
  const anyPot = (id: string) =>
    fc
      .record({
        organisationId: fc.constantFrom(...ORGANISATIONS),
        grantedWei: fc.bigInt(1n, 300n),
        told: fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined }),
        open: fc.boolean(),
      })
      .map(({ told, ...fields }) =>
        pot(id, { ...fields, ...(told === undefined ? {} : { receiptsTold: told }) }),
      );
  const scene = fc.record({
    bills: fc.array(anyBill, { maxLength: 12 }),
    pots: fc.tuple(anyPot('p'), anyPot('q'), anyPot('r')).map((pots) => potsOf(...pots)),
    balances: fc.tuple(amount, amount),
  });

  it('comes to the same whether bills are paid together or one at a time', () => {
    fc.assert(
      fc.property(scene, ({ bills: drawn, pots, balances }) => {
        const bills = drawn.map(({ heldWei, potId, ...fields }) => ({
          ...fields,
          ...(heldWei === undefined ? {} : { heldWei }),
          ...(potId === undefined ? {} : { potId }),
        }));
        const balanceOf = new Map(ORGANISATIONS.map((id, i) => [id, balances[i] ?? 0n]));
        const together = drawFees(bills, pots, (id) => balanceOf.get(id) ?? 0n);
        const now = new Map(pots);
        for (const [i, one] of bills.entries()) {
          const alone = drawFees([one], now, (id) => balanceOf.get(id) ?? 0n);
          const [payment] = alone.payments;
          expect(together.payments[i]).toEqual(payment);
          if (!payment) continue;
          let balanceWei = (balanceOf.get(one.organisationId) ?? 0n) - payment.ofBalanceWei;
          if (one.heldWei !== undefined) balanceWei += one.heldWei - payment.ofHoldWei;
          for (const after of alone.pots) {
            now.set(after.pot.id, { ...after.pot, ...after, open: !after.settled });
            if (after.settled) balanceWei += after.pot.grantedWei - after.spentWei;
          }
          balanceOf.set(one.organisationId, balanceWei);
          expect(balanceWei >= 0n).toBe(true);
          const feeWei = payment.ofHoldWei + payment.ofPotWei + payment.ofBalanceWei;
          expect(feeWei <= one.pricedWei).toBe(true);
        }
        for (const { pot: before, spentWei } of together.pots) {
          expect(spentWei <= before.grantedWei).toBe(true);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
