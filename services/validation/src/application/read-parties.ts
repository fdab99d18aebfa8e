import { DomainError } from '@openledger/kernel';
import type { EvidencePair, Page, PartyDetails, PartySummary, ReadModels } from './read-models.js';

export interface PartyView {
  readonly party: PartyDetails;
  readonly evidence: readonly EvidencePair[];
}

/** Parties are public: whoever is paid as one with others may see why. */
export class ReadParties {
  constructor(private readonly models: ReadModels) {}

  list(page: Page): Promise<PartySummary[]> {
    return this.models.parties(page);
  }

  /** @throws DomainError PARTY_UNKNOWN */
  async one(partyId: string, page: { after: number; limit: number }): Promise<PartyView> {
    const party = await this.models.party(partyId);
    if (party === undefined) {
      const message = 'There is no such party: it may have been absorbed by another, see GET /parties.';
      throw new DomainError('not-found', 'PARTY_UNKNOWN', message);
    }
    return { party, evidence: await this.models.evidence(partyId, page) };
  }
}
