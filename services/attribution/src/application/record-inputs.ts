import type { InferenceServed, ModelDeployed, PartyChanged } from '@openledger/contracts';
import { DomainError } from '@openledger/kernel';
import type { AttributionStore } from './ports.js';

/** Keeps this service's own copy of what there is to index and to score. */
export class RecordInputs {
  constructor(private readonly store: AttributionStore) {}

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

function required<T>(value: T | undefined, name: string): T {
  if (value !== undefined && value !== '') return value;
  throw new DomainError('invalid', 'EVENT_INCOMPLETE', `The event has no ${name}.`);
}
