import { derivedId, feeOf, type Price } from '@openledger/kernel';
import { priceInForce } from '../../domain/billing/price.js';
import { type Account, CLEARING, leased, payer } from '../../domain/ledger/accounts.js';
import { availableOf } from '../../domain/ledger/standing.js';
import { single, type Transfer } from '../../domain/ledger/transfer.js';
import {
  type Bill,
  drawFees,
  needsBalance,
  type Payment,
  type Pot,
  type PotAfter,
} from '../../domain/metering/draw-fees.js';
import { knownServedAt } from '../../domain/metering/known-served-at.js';
import type { SettlementTx } from '../ports.js';
import { voidOf } from '../prepaid/end-hold.js';
import { pendingTransfer } from '../prepaid/hold-balance.js';
import type { FeeDiscrepancy, Lease } from '../prepaid/lease-ports.js';
import type { Charge } from './answer-ports.js';
import type { Hold, PricedModel, ServedRequest } from './metering-ports.js';

/** What charging answers comes to; nothing has moved yet. */
export interface Charges {
  readonly byAnswer: ReadonlyMap<string, Charge>;
  readonly transfers: readonly Transfer[];
  readonly endedHolds: readonly string[];
  readonly leases: readonly PotAfter[];
  readonly discrepancies: readonly FeeDiscrepancy[];
}

/** An answer with what decides over its fee. */
interface Priced {
  readonly served: ServedRequest;
  readonly price: Price;
  readonly pricedWei: bigint;
  readonly hold?: Hold;
}

/**
 * Prices answers and says how their fees move to clearing, from what was set aside for them first: one transfer for each
 * account that pays, and one for each hold. Locks what pays, and runs once for each answer.
 */
export async function chargeAll(
  tx: SettlementTx,
  answers: readonly ServedRequest[],
  models: ReadonlyMap<string, PricedModel>,
  now: Date,
): Promise<Charges> {
  if (answers.length === 0) return NO_CHARGES;
  const priced = await priceAll(tx, answers, models, now);
  const leases = await tx.leases.lockAll(
    priced.flatMap(({ hold, served }) => (isHeld(hold) ? [] : served.holdId)),
  );
  const pots = new Map([...leases].map(([id, lease]) => [id, potOf(lease)]));
  const bills = priced.map(billOf);
  const organisations = [...needsBalance(bills, pots)];
  const standings = await tx.ledger.lockAll(organisations.map(payer));
  const balances = new Map(organisations.map((id, i) => [id, standings[i]]));
  const drawn = drawFees(bills, pots, (id) => {
    const standing = balances.get(id);
    return standing ? availableOf(standing) : 0n;
  });

  const batchId = derivedId(
    answers
      .map(({ id }) => id)
      .toSorted()
      .join('\n'),
    'fees',
  );
  const paid = priced.flatMap((one, i) => {
    const payment = drawn.payments[i];
    return payment ? [{ ...one, payment }] : [];
  });
  return {
    byAnswer: new Map(paid.map((one) => [one.served.id, chargeOf(one, batchId)])),
    transfers: transfersOf(paid, drawn.pots, batchId),
    endedHolds: priced.flatMap(({ hold }) => (hold && isHeld(hold) ? hold.requestId : [])),
    leases: drawn.pots,
    discrepancies: priced.flatMap((one) => discrepancyOf(one, now) ?? []),
  };
}

const NO_CHARGES: Charges = {
  byAnswer: new Map(),
  transfers: [],
  endedHolds: [],
  leases: [],
  discrepancies: [],
};

/** By the price that was promised: that of the hold, or the version in force at admission. */
async function priceAll(
  tx: SettlementTx,
  answers: readonly ServedRequest[],
  models: ReadonlyMap<string, PricedModel>,
  now: Date,
): Promise<Priced[]> {
  const holds = await tx.metering.holds(answers.map(({ id }) => id));
  const versions = await tx.prices.versions([...models.keys()]);
  return answers.flatMap((served) => {
    const hold = holds.get(served.id);
    const listed = priceInForce(
      versions.get(served.modelId) ?? [],
      knownServedAt(served.servedAt, now),
      served.told,
    );
    const price = hold?.price ?? listed?.price ?? models.get(served.modelId)?.price;
    if (!price) return [];
    return [{ served, price, pricedWei: feeOf(price, served.usage), ...(hold ? { hold } : {}) }];
  });
}

const isHeld = (hold: Hold | undefined): boolean => hold?.state === 'held';

const potOf = (lease: Lease): Pot => ({ ...lease, open: lease.state === 'open' });

const billOf = ({ served, pricedWei, hold }: Priced): Bill => ({
  organisationId: served.organisationId,
  pricedWei,
  ...(hold && isHeld(hold) ? { heldWei: hold.heldWei } : {}),
  ...(served.holdId === '' ? {} : { potId: served.holdId }),
});

interface Paid extends Priced {
  readonly payment: Payment;
}

function chargeOf({ price, pricedWei, payment }: Paid, batchId: string): Charge {
  const feeWei = payment.ofHoldWei + payment.ofPotWei + payment.ofBalanceWei;
  return { price, pricedWei, feeWei, batchId };
}

/** Leases first, and their rest, then balances: what comes back may be spent in the same batch. */
function transfersOf(paid: readonly Paid[], pots: readonly PotAfter[], batchId: string): Transfer[] {
  const ofLeases = new Sums();
  const ofBalances = new Sums();
  const ofHolds: Transfer[] = [];
  for (const { served, hold, payment } of paid) {
    ofLeases.add(leased(served.organisationId), payment.ofPotWei);
    ofBalances.add(payer(served.organisationId), payment.ofBalanceWei);
    if (hold && isHeld(hold) && hold.heldWei > 0n) ofHolds.push(settlementOf(hold, payment.ofHoldWei));
  }
  return [...ofLeases.fees(batchId), ...ofHolds, ...pots.flatMap(restOf), ...ofBalances.fees(batchId)];
}

/** What each account pays together. */
class Sums {
  private readonly sums = new Map<string, { readonly account: Account; amountWei: bigint }>();

  add(account: Account, amountWei: bigint): void {
    const sum = this.sums.get(account.id);
    if (sum) sum.amountWei += amountWei;
    else this.sums.set(account.id, { account, amountWei });
  }

  fees(reference: string): Transfer[] {
    return [...this.sums.values()]
      .filter(({ amountWei }) => amountWei > 0n)
      .map(({ account, amountWei }) =>
        single({ debit: account, credit: CLEARING, amountWei, reason: 'fee', reference }),
      );
  }
}

/** Posts what the answer cost of what was held for it; the rest of it is free with that. */
function settlementOf(hold: Hold, feeWei: bigint): Transfer {
  if (feeWei === 0n) return voidOf(hold);
  const pending = pendingTransfer(hold);
  const id = derivedId(hold.requestId, 'fee');
  return { ...pending, id, kind: 'post', amountWei: feeWei, pendingId: pending.id, reason: 'fee' };
}

function restOf({ pot, spentWei, settled }: PotAfter): Transfer[] {
  const amountWei = pot.grantedWei - spentWei;
  if (!settled || amountWei === 0n) return [];
  const { id: reference, organisationId } = pot;
  return [
    single({
      debit: leased(organisationId),
      credit: payer(organisationId),
      amountWei,
      reason: 'lease-return',
      reference,
    }),
  ];
}

function discrepancyOf({ served, price, pricedWei }: Priced, now: Date): FeeDiscrepancy | undefined {
  const { told } = served;
  if (!told || agrees(told, price, pricedWei)) return undefined;
  return {
    requestId: served.id,
    toldFeeWei: told.feeWei,
    toldPromptWeiPerMillion: told.promptWeiPerMillion,
    toldCompletionWeiPerMillion: told.completionWeiPerMillion,
    ownFeeWei: pricedWei,
    seenAt: now,
  };
}

type Told = NonNullable<ServedRequest['told']>;

const agrees = (told: Told, price: Price, pricedWei: bigint): boolean =>
  told.feeWei === pricedWei.toString() &&
  told.promptWeiPerMillion === price.promptWeiPerMillion.toString() &&
  told.completionWeiPerMillion === price.completionWeiPerMillion.toString();
