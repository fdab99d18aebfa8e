import { type InferenceServed, type ModelDeployed, type PartyChanged, required } from '@openledger/contracts';
import type { InputStore } from './store-port.js';

/** Keeps this service's own copy of what there is to index and to score. */
export class RecordInputs {
  constructor(private readonly store: InputStore) {}

  version(eventId: string, event: ModelDeployed): Promise<boolean> {
    return this.store.recordVersion(eventId, {
      modelId: event.modelId,
      adapterDigest: event.adapterDigest,
      baseDigest: event.baseDigest,
      adapterConfigBlob: event.adapterConfigBlob,
      adapterWeightsBlob: event.adapterWeightsBlob,
      lineageBlob: event.lineageBlob,
      trainingLogBlob: event.trainingLogBlob,
      deployedAt: required(event.deployedAt, 'deployedAt'),
    });
  }

  answer(eventId: string, event: InferenceServed): Promise<boolean> {
    return this.store.recordAnswer(eventId, {
      requestId: required(event.requestId, 'requestId'),
      modelId: event.modelId,
      adapterDigest: event.adapterDigest,
      payerOrganisationId: event.payerOrganisationId,
      tokensBlob: event.tokensBlob,
      servedAt: required(event.servedAt, 'servedAt'),
    });
  }

  party(eventId: string, event: PartyChanged): Promise<boolean> {
    return this.store.recordParty(eventId, {
      id: required(event.partyId, 'partyId'),
      contributorIds: event.contributorIds,
      absorbedPartyIds: event.absorbedPartyIds,
      changedAt: required(event.changedAt, 'changedAt'),
    });
  }
}
