import { encodeEvent, topics } from '@openledger/contracts';
import { derivedId } from '@openledger/kernel';
import { accrualOf, CLEARING } from '../domain/accounts.js';
import { type RoleSplit, splitFee } from '../domain/split-fee.js';
import { single } from '../domain/transfer.js';
import { charge } from './charge.js';
import type { PricedModel, RequestState, ScoredRequest, ServedRequest } from './metering-ports.js';
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
  const feeWei = state.feeWei ?? (await charge(tx, served, model, now));
  if (scored) await credit(tx, { served, scored, model, feeWei }, policy, now);
}

/** Looks twice, the second time with the model locked, so that its deployment cannot slip in between unseen. */
async function knownModel(tx: SettlementTx, modelId: string): Promise<PricedModel | undefined> {
  const model = await tx.metering.model(modelId);
  if (model) return model;
  await tx.metering.lockModel(modelId);
  return tx.metering.model(modelId);
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
