import { derivedId, feeOf, type Price } from '@openledger/kernel';
import { type Account, CLEARING, leased, payer } from '../domain/accounts.js';
import { availableOf, lesser } from '../domain/standing.js';
import { single } from '../domain/transfer.js';
import { voidOf } from './end-hold.js';
import { settleLease } from './end-lease.js';
import { pendingTransfer } from './hold-balance.js';
import type { Hold, PricedModel, ServedRequest } from './metering-ports.js';
import type { SettlementTx } from './ports.js';

/** Prices an answer and moves its fee to clearing, from what was set aside for it first. Runs once for each request. */
export async function charge(
  tx: SettlementTx,
  served: ServedRequest,
  model: PricedModel,
  now: Date,
): Promise<bigint> {
  const hold = await tx.metering.hold(served.id);
  const price = hold?.price ?? (await priceOf(tx, served, model));
  const pricedWei = feeOf(price, served.usage);
  if (served.told && !agrees(served.told, price, pricedWei)) {
    await tx.metering.saveDiscrepancy({
      requestId: served.id,
      toldFeeWei: served.told.feeWei,
      toldPromptWeiPerMillion: served.told.promptWeiPerMillion,
      toldCompletionWeiPerMillion: served.told.completionWeiPerMillion,
      ownFeeWei: pricedWei,
      seenAt: now,
    });
  }
  const feeWei =
    hold?.state === 'held'
      ? await chargeHold(tx, hold, pricedWei)
      : await chargeLeaseAndBalance(tx, served, pricedWei);
  await tx.metering.saveFee(served.id, pricedWei, feeWei);
  return feeWei;
}

/** The promised version of our own price where there is such a one, and the current one otherwise. */
async function priceOf(tx: SettlementTx, served: ServedRequest, model: PricedModel): Promise<Price> {
  if (!served.told) return model.price;
  const { promptWeiPerMillion, completionWeiPerMillion } = served.told;
  return (await tx.metering.price(model.id, promptWeiPerMillion, completionWeiPerMillion)) ?? model.price;
}

type Told = NonNullable<ServedRequest['told']>;

const agrees = (told: Told, price: Price, pricedWei: bigint): boolean =>
  told.feeWei === pricedWei.toString() &&
  told.promptWeiPerMillion === price.promptWeiPerMillion.toString() &&
  told.completionWeiPerMillion === price.completionWeiPerMillion.toString();

/** The actual price, and never more than was set aside: that ceiling is what the payer agreed to. */
async function chargeHold(tx: SettlementTx, hold: Hold, pricedWei: bigint): Promise<bigint> {
  const feeWei = lesser(pricedWei, hold.heldWei);
  if (hold.heldWei > 0n) {
    const pending = pendingTransfer(hold);
    const id = derivedId(hold.requestId, 'fee');
    const post = {
      ...pending,
      id,
      kind: 'post' as const,
      amountWei: feeWei,
      pendingId: pending.id,
      reason: 'fee',
    };
    await tx.ledger.post([feeWei > 0n ? post : voidOf(hold)]);
  }
  await tx.metering.endHold(hold.requestId, 'posted');
  return feeWei;
}

/**
 * The lease reserved the most that the answer could cost, so it covers the fee. The balance pays what a lease that ended
 * or a price that the gateway did not know leaves open, as far as it goes: the answer cannot be taken back.
 */
async function chargeLeaseAndBalance(
  tx: SettlementTx,
  served: ServedRequest,
  pricedWei: bigint,
): Promise<bigint> {
  const leasedWei = await chargeLease(tx, served, pricedWei);
  const openWei = pricedWei - leasedWei;
  if (openWei === 0n) return leasedWei;
  const account = payer(served.organisationId);
  const balanceWei = lesser(openWei, availableOf(await tx.ledger.lock(account)));
  await post(tx, served, account, balanceWei);
  return leasedWei + balanceWei;
}

async function chargeLease(tx: SettlementTx, served: ServedRequest, pricedWei: bigint): Promise<bigint> {
  const lease = served.holdId === '' ? undefined : await tx.leases.lock(served.holdId);
  if (lease?.state !== 'open' || lease.organisationId !== served.organisationId) return 0n;
  const feeWei = lesser(pricedWei, lease.grantedWei - lease.spentWei);
  await tx.leases.charge(lease.id, feeWei);
  await post(tx, served, leased(lease.organisationId), feeWei);
  await settleLease(tx, lease.id);
  return feeWei;
}

async function post(
  tx: SettlementTx,
  served: ServedRequest,
  debit: Account,
  amountWei: bigint,
): Promise<void> {
  if (amountWei === 0n) return;
  const fee = { debit, credit: CLEARING, amountWei, reason: 'fee', reference: served.id };
  await tx.ledger.post([single(fee)]);
}
