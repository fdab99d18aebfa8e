import { DomainError, derivedId, feeOf } from '@openledger/kernel';
import { priceInForce } from '../../domain/billing/price.js';
import { CLEARING, payer } from '../../domain/ledger/accounts.js';
import type { Transfer } from '../../domain/ledger/transfer.js';
import { covers } from '../billing/budget-left.js';
import { grantFreeTier } from '../billing/grant-free-tier.js';
import { withinBudget } from '../billing/tell-budgets.js';
import type { Hold } from '../metering/metering-ports.js';
import type { SettlementStore, SettlementTx } from '../ports.js';
import { spendable } from './spendable.js';

export interface HoldRequest {
  readonly requestId: string;
  readonly organisationId: string;
  readonly modelId: string;
  readonly promptTokens: number;
  readonly completionTokensMax: number;
}

/** The ledger's side of a hold: the same id for every attempt to make it. */
export const pendingTransfer = (hold: Pick<Hold, 'requestId' | 'organisationId' | 'heldWei'>): Transfer => ({
  id: derivedId(hold.requestId, 'hold'),
  kind: 'pending',
  debit: payer(hold.organisationId),
  credit: CLEARING,
  amountWei: hold.heldWei,
  reason: 'hold',
  reference: hold.requestId,
});

/** Sets the most that a request can cost aside. Repeating it with the same content changes nothing. */
export class HoldBalance {
  constructor(
    private readonly store: SettlementStore,
    private readonly holdTtlMs: number,
  ) {}

  /** @throws DomainError INSUFFICIENT_BALANCE, BUDGET_EXCEEDED, FUNDS_LEASED, MODEL_NOT_DEPLOYED, HOLD_CONFLICT, HOLD_ENDED */
  run(request: HoldRequest, now: Date): Promise<Hold> {
    return withinBudget(this.store, request.organisationId, now, (tx) => this.hold(tx, request, now));
  }

  private async hold(tx: SettlementTx, request: HoldRequest, now: Date): Promise<Hold> {
    const { organisationId, modelId } = request;
    const versions = (await tx.prices.versions([modelId])).get(modelId) ?? [];
    const version = priceInForce(versions, now);
    if (!version) throw modelNotDeployed(modelId);
    const usage = { promptTokens: request.promptTokens, completionTokens: request.completionTokensMax };
    const hold: Hold = {
      ...request,
      heldWei: feeOf(version.price, usage),
      price: version.price,
      expiresAt: new Date(now.getTime() + this.holdTtlMs),
      state: 'held',
    };
    if (!(await tx.metering.insertHold(hold)))
      return sameHold(request, await tx.metering.hold(request.requestId));
    if (hold.heldWei === 0n) return hold;

    await grantFreeTier(tx, organisationId, now);
    // Clearing too, as the transfer below needs it: locked later, it would be out of order.
    const there = await spendable(tx, organisationId, now, [CLEARING]);
    if (there.availableWei < hold.heldWei) {
      const lentOrThereWei = there.availableWei + there.lentWei;
      throw lentOrThereWei < hold.heldWei ? insufficient(hold.heldWei, there.availableWei) : onLease();
    }
    if (!covers(there.budget, hold.heldWei, now)) throw onLease();
    await tx.ledger.post([pendingTransfer(hold)]);
    return hold;
  }
}

/** There is no price to go by. */
export const modelNotDeployed = (modelId: string): DomainError =>
  new DomainError('not-found', 'MODEL_NOT_DEPLOYED', `no model ${modelId} is deployed`);

function sameHold(request: HoldRequest, found: Hold | undefined): Hold {
  const same =
    found?.organisationId === request.organisationId &&
    found.modelId === request.modelId &&
    found.promptTokens === request.promptTokens &&
    found.completionTokensMax === request.completionTokensMax;
  if (!found || !same) {
    throw new DomainError(
      'conflict',
      'HOLD_CONFLICT',
      'this request id holds money for something else; use a new id',
    );
  }
  if (found.state !== 'held') {
    throw new DomainError('conflict', 'HOLD_ENDED', `this hold was ${found.state}; use a new request id`);
  }
  return found;
}

const onLease = (): DomainError =>
  new DomainError(
    'exhausted',
    'FUNDS_LEASED',
    'the balance is enough, but part of it is on lease to gateways: try again shortly',
    { details: { retryAfterSeconds: 1 } },
  );

/** Says what is missing. */
export const insufficient = (neededWei: bigint, availableWei: bigint): DomainError =>
  new DomainError(
    'payment-required',
    'INSUFFICIENT_BALANCE',
    'the prepaid balance is too low: deposit OPEN',
    {
      details: { neededWei: neededWei.toString(), availableWei: availableWei.toString() },
    },
  );
