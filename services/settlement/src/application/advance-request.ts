import { encodeEvent, topics } from '@openledger/contracts';
import { derivedId, feeOf } from '@openledger/kernel';
import { accrualOf, CLEARING, payer } from '../domain/accounts.js';
import { type RoleSplit, splitFee } from '../domain/split-fee.js';
import { availableOf, lesser } from '../domain/standing.js';
import { single } from '../domain/transfer.js';
import { voidOf } from './end-hold.js';
import { pendingTransfer } from './hold-balance.js';
import type { Hold, PricedModel, RequestState, ScoredRequest, ServedRequest } from './metering-ports.js';
import type { SettlementTx } from './ports.js';

/** How fees are shared. */
export interface SplitPolicy {
  readonly roles: RoleSplit;
  /** Base model digest to the organisation that is paid for it. */
  readonly baseModelOwners: ReadonlyMap<string, string>;
}

/**
 * Takes a request as far as what has arrived allows: served and priced, its fee goes to clearing; also scored, the
 * fee is split. Events may come in any order, so every handler ends here, with the request's row locked.
 */
export async function advanceRequest(
  tx: SettlementTx,
  state: RequestState,
  policy: SplitPolicy,
  now: Date,
): Promise<void> {
  const { served, scored } = state;
  if (!served || state.credited) return;
  const model = await knownModel(tx, served.modelId);
  if (!model) return;
  const feeWei = state.feeWei ?? (await meter(tx, served, model));
  if (scored) await credit(tx, { served, scored, model, feeWei }, policy, now);
}

/** Looks twice, the second time with the model locked, so that its deployment cannot slip in between unseen. */
async function knownModel(tx: SettlementTx, modelId: string): Promise<PricedModel | undefined> {
  const model = await tx.metering.model(modelId);
  if (model) return model;
  await tx.metering.lockModel(modelId);
  return tx.metering.model(modelId);
}

async function meter(tx: SettlementTx, served: ServedRequest, model: PricedModel): Promise<bigint> {
  const hold = await tx.metering.hold(served.id);
  const pricedWei = feeOf(hold?.price ?? model.price, served.usage);
  const feeWei =
    hold?.state === 'held'
      ? await chargeHold(tx, hold, pricedWei)
      : await chargeBalance(tx, served, pricedWei);
  await tx.metering.saveFee(served.id, pricedWei, feeWei);
  return feeWei;
}

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

/** Served after its hold ran out: whatever the balance still covers, because the answer cannot be taken back. */
async function chargeBalance(tx: SettlementTx, served: ServedRequest, pricedWei: bigint): Promise<bigint> {
  const account = payer(served.organisationId);
  const feeWei = lesser(pricedWei, availableOf(await tx.ledger.lock(account)));
  if (feeWei > 0n) {
    await tx.ledger.post([
      single({ debit: account, credit: CLEARING, amountWei: feeWei, reason: 'fee', reference: served.id }),
    ]);
  }
  return feeWei;
}

interface Creditable {
  readonly served: ServedRequest;
  readonly scored: ScoredRequest;
  readonly model: PricedModel;
  readonly feeWei: bigint;
}

async function credit(tx: SettlementTx, request: Creditable, policy: SplitPolicy, now: Date): Promise<void> {
  const { served, scored, model, feeWei } = request;
  const baseModelOwnerId = policy.baseModelOwners.get(model.baseDigest);
  const parts = splitFee(feeWei, policy.roles, scored.attribution, {
    developerId: model.developerOrganisationId,
    ...(baseModelOwnerId === undefined ? {} : { baseModelOwnerId }),
  });
  await tx.ledger.post(
    parts
      .filter((part) => part.amountWei > 0n)
      .map((part) =>
        single({
          debit: CLEARING,
          credit: accrualOf(part),
          amountWei: part.amountWei,
          reason: 'split',
          reference: served.id,
        }),
      ),
  );
  await tx.metering.saveReceipt(
    served.id,
    parts.map((part) => ({ ...part, partyId: scored.partyOf.get(part.payeeId) ?? '' })),
    now,
  );
  await tx.emit(
    encodeEvent(topics.settlementCredited, derivedId(served.id, topics.settlementCredited.name), {
      requestId: served.id,
      modelId: served.modelId,
      payerOrganisationId: served.organisationId,
      feeWei: feeWei.toString(),
      parts: parts.map((part) => ({
        role: part.role,
        payeeId: part.payeeId,
        amountWei: part.amountWei.toString(),
      })),
      creditedAt: now,
    }),
  );
}
