import { greater, lesser } from '../ledger/standing.js';

/** Money that was set aside for many answers of an organisation. */
export interface Pot {
  readonly id: string;
  readonly organisationId: string;
  readonly grantedWei: bigint;
  readonly spentWei: bigint;
  /** Answers charged to it so far. */
  readonly receipts: number;
  /** How many there will ever be; absent while it is in use. */
  readonly receiptsTold?: number;
  readonly open: boolean;
}

/** What an answer costs, and what it is to be paid from. */
export interface Bill {
  readonly organisationId: string;
  readonly pricedWei: bigint;
  /** Set aside for this answer alone: it pays the whole fee, which is never more. */
  readonly heldWei?: bigint;
  readonly potId?: string;
}

/** How a bill is paid. The parts sum to its fee, which is the price where there is enough. */
export interface Payment {
  readonly ofHoldWei: bigint;
  readonly ofPotWei: bigint;
  readonly ofBalanceWei: bigint;
}

export interface PotAfter {
  readonly pot: Pot;
  readonly spentWei: bigint;
  readonly receipts: number;
  /** Every answer that was told has come: its rest goes back to the balance. */
  readonly settled: boolean;
}

export interface Draws {
  /** In the order of the bills. */
  readonly payments: readonly Payment[];
  /** Pots that were drawn from. */
  readonly pots: readonly PotAfter[];
}

/**
 * Pays bills in their order: from what was held for the answer; else from its pot and, as far as that goes, from the balance
 * for what the pot leaves open, because the answer cannot be taken back. A pot whose last answer this was gives its rest
 * back to the balance at once, and so does a hold: the bills after it can have that. It is the same to pay bills together or
 * one at a time.
 *
 * @param balanceOf what an organisation can spend; asked only for those in {@link needsBalance}
 */
export function drawFees(
  bills: readonly Bill[],
  pots: ReadonlyMap<string, Pot>,
  balanceOf: (organisationId: string) => bigint,
): Draws {
  const drawn = new Map<string, PotAfter>();
  const balances = new Map<string, bigint>();
  const balance = (id: string): bigint => balances.get(id) ?? balanceOf(id);
  const payments = bills.map((bill): Payment => {
    const { organisationId, pricedWei, heldWei } = bill;
    if (heldWei !== undefined) {
      const ofHoldWei = lesser(pricedWei, heldWei);
      balances.set(organisationId, balance(organisationId) + heldWei - ofHoldWei);
      return { ofHoldWei, ofPotWei: 0n, ofBalanceWei: 0n };
    }
    const ofPotWei = drawPot(bill, pots, drawn);
    const after = drawn.get(bill.potId ?? '');
    if (after?.settled && after.pot.organisationId === organisationId && ofPotWei !== undefined) {
      balances.set(organisationId, balance(organisationId) + after.pot.grantedWei - after.spentWei);
    }
    const paidWei = ofPotWei ?? 0n;
    const ofBalanceWei = pricedWei > paidWei ? spend(organisationId, pricedWei - paidWei) : 0n;
    return { ofHoldWei: 0n, ofPotWei: paidWei, ofBalanceWei };
  });
  return { payments, pots: [...drawn.values()] };

  function spend(organisationId: string, openWei: bigint): bigint {
    const hasWei = greater(0n, balance(organisationId));
    const spentWei = lesser(openWei, hasWei);
    balances.set(organisationId, hasWei - spentWei);
    return spentWei;
  }
}

/** What the pot pays of the bill; undefined where there is none that this bill may be charged to. */
function drawPot(
  { organisationId, pricedWei, potId }: Bill,
  pots: ReadonlyMap<string, Pot>,
  drawn: Map<string, PotAfter>,
): bigint | undefined {
  const pot = pots.get(potId ?? '');
  if (!pot?.open || pot.organisationId !== organisationId) return undefined;
  const before = drawn.get(pot.id);
  if (before?.settled) return undefined;
  const spentWei = before?.spentWei ?? pot.spentWei;
  const feeWei = lesser(pricedWei, pot.grantedWei - spentWei);
  const receipts = (before?.receipts ?? pot.receipts) + 1;
  drawn.set(pot.id, {
    pot,
    spentWei: spentWei + feeWei,
    receipts,
    settled: pot.receiptsTold !== undefined && receipts >= pot.receiptsTold,
  });
  return feeWei;
}

/** Organisations whose balance decides over a payment, or is added to: theirs are locked before anything is drawn. */
export function needsBalance(bills: readonly Bill[], pots: ReadonlyMap<string, Pot>): ReadonlySet<string> {
  const organisations = new Set<string>();
  const drawn = new Map<string, PotAfter>();
  for (const bill of bills) {
    if (bill.heldWei !== undefined) continue;
    const ofPotWei = drawPot(bill, pots, drawn) ?? 0n;
    if (ofPotWei < bill.pricedWei || drawn.get(bill.potId ?? '')?.settled) {
      organisations.add(bill.organisationId);
    }
  }
  return organisations;
}
