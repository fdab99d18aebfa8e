import type { Assessment } from './ports.js';

export interface PartySummary {
  readonly partyId: string;
  readonly memberCount: number;
  readonly reason: string;
  readonly changedAt: Date;
}

export interface PartyDetails extends PartySummary {
  readonly contributorIds: readonly string[];
}

/** One record of a member that repeats one of another member. */
export interface EvidencePair {
  /** Position in the list of evidence: where the next page begins. */
  readonly no: number;
  readonly copierId: string;
  readonly ownerId: string;
  readonly contributionId: string;
  readonly recordIndex: number;
  readonly recordId: string;
  readonly ownerContributionId: string;
  readonly ownerRecordId: string;
  readonly kind: 'exact' | 'near';
  readonly similarity: number;
}

export interface Page {
  /** What the last page's last item was named; undefined for the first page. */
  readonly after?: string | undefined;
  readonly limit: number;
}

export interface ReadModels {
  assessment(contributionId: string): Promise<Assessment | undefined>;
  /** In order of id. */
  parties(page: Page): Promise<PartySummary[]>;
  party(partyId: string): Promise<PartyDetails | undefined>;
  evidence(partyId: string, page: { after: number; limit: number }): Promise<EvidencePair[]>;
}
