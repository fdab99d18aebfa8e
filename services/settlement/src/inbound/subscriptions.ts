import {
  type AttributionScored,
  type InferenceServed,
  type ModelDeployed,
  required,
  toPrice,
  topics,
} from '@openledger/contracts';
import type { Clock } from '@openledger/kernel';
import { type Handler, on, onBatch } from '@openledger/service-host';
import type { PricedModel, ScoredRequest, ServedRequest } from '../application/metering/metering-ports.js';
import type { RecordPayees } from '../application/metering/record-payees.js';
import type { RecordUsage } from '../application/metering/record-usage.js';

/** No amount of wei is longer. */
const TOLD_CHARACTERS_MAX = 40;

/** Everything that settlement listens to. */
export function subscriptions(usage: RecordUsage, payees: RecordPayees, clock: Clock): Handler[] {
  return [
    on(topics.modelDeployed, (event, record) => usage.modelDeployed(record.id, modelOf(event), clock.now())),
    onBatch(topics.inferenceServed, (arrived) =>
      usage.servedAll(
        arrived.map(({ event, record }) => ({ eventId: record.id, served: servedOf(event) })),
        clock.now(),
      ),
    ),
    onBatch(topics.attributionScored, (arrived) =>
      usage.scoredAll(
        arrived.map(({ event, record }) => ({
          eventId: record.id,
          requestId: required(event.requestId, 'requestId'),
          scored: scoredOf(event),
        })),
        clock.now(),
      ),
    ),
    on(topics.contributorRegistered, (event, record) =>
      payees.payee(record.id, {
        id: event.contributorId,
        name: event.displayName,
        wallet: event.walletAddress,
      }),
    ),
    on(topics.organisationCreated, (event, record) =>
      payees.payee(record.id, { id: event.organisationId, name: event.name, wallet: event.walletAddress }),
    ),
    on(topics.partyChanged, (event, record) =>
      payees.party(record.id, {
        id: event.partyId,
        contributorIds: event.contributorIds,
        absorbedPartyIds: event.absorbedPartyIds,
        reason: event.reason,
        changedAt: required(event.changedAt, 'changedAt'),
      }),
    ),
  ];
}

function modelOf(event: ModelDeployed): PricedModel {
  return {
    id: event.modelId,
    name: event.name,
    developerOrganisationId: required(event.developerOrganisationId, 'developerOrganisationId'),
    baseDigest: event.baseDigest,
    price: toPrice(required(event.price, 'price')),
    datanetIds: event.datanetIds,
    version: {
      adapterDigest: event.adapterDigest,
      ...(event.parentModelId === '' ? {} : { parentModelId: event.parentModelId }),
    },
    deployedAt: required(event.deployedAt, 'deployedAt'),
  };
}

/** @throws DomainError EVENT_INCOMPLETE */
export const servedOf = (event: InferenceServed): ServedRequest => ({
  id: required(event.requestId, 'requestId'),
  organisationId: required(event.payerOrganisationId, 'payerOrganisationId'),
  modelId: required(event.modelId, 'modelId'),
  usage: required(event.usage, 'usage'),
  holdId: event.holdId,
  ...(event.feeWei === '' ? {} : { told: toldOf(event) }),
  ...(event.adapterDigest === '' ? {} : { adapterDigest: event.adapterDigest }),
  ...(event.workerReceipt ? { nodeKey: Buffer.from(event.workerReceipt.publicKey).toString('hex') } : {}),
  servedAt: required(event.servedAt, 'servedAt'),
});

/** Kept as it stands, because a wrong figure is to be shown and must not keep the answer from being charged. */
const toldOf = (event: InferenceServed) => ({
  promptWeiPerMillion: event.promptWeiPerMillion.slice(0, TOLD_CHARACTERS_MAX),
  ...(event.cachedPromptWeiPerMillion === undefined
    ? {}
    : { cachedPromptWeiPerMillion: event.cachedPromptWeiPerMillion.slice(0, TOLD_CHARACTERS_MAX) }),
  completionWeiPerMillion: event.completionWeiPerMillion.slice(0, TOLD_CHARACTERS_MAX),
  feeWei: event.feeWei.slice(0, TOLD_CHARACTERS_MAX),
});

/** @throws DomainError EVENT_INCOMPLETE */
export const scoredOf = (event: AttributionScored): ScoredRequest => ({
  attribution: {
    contributors: event.contributors.map((share) => ({
      contributorId: required(share.contributorId, 'contributorId'),
      influencePpb: BigInt(share.influencePpb),
      contextPpb: BigInt(share.contextPpb),
      basePpb: BigInt(share.basePpb),
    })),
    baseModelPpb: BigInt(event.baseModelPpb),
    reservePpb: BigInt(event.reservePpb),
    reliabilityPpb: BigInt(event.reliabilityPpb),
  },
  partyOf: new Map(event.contributors.map((share) => [share.contributorId, share.partyId])),
});
