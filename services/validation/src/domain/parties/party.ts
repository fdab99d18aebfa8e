import { derivedId } from '@openledger/kernel';

/** Keeps one party's event within the record size of the log. */
export const PARTY_MEMBERS_MAX = 5_000;

/** Accounts that are judged to be one. */
export interface Party {
  readonly id: string;
  /** Sorted. */
  readonly contributorIds: readonly string[];
}

export interface PartyChange {
  readonly party: Party;
  readonly absorbedPartyIds: readonly string[];
}

/** The id follows from the members alone, whatever the order in which they were found. */
export function partyOf(contributorIds: Iterable<string>): Party {
  const members = [...new Set(contributorIds)].sort();
  return { id: derivedId(members[0] ?? '', 'party'), contributorIds: members };
}

/**
 * Joins the parties of everybody in `linked`; `existing` are the parties that any of them is in.
 * Undefined when nothing changes, or when the party would become too large for one event.
 */
export function joinParties(linked: readonly string[], existing: readonly Party[]): PartyChange | undefined {
  const party = partyOf([...linked, ...existing.flatMap(({ contributorIds }) => contributorIds)]);
  if (party.contributorIds.length > PARTY_MEMBERS_MAX) return undefined;
  const [only] = existing;
  if (existing.length === 1 && only?.contributorIds.length === party.contributorIds.length) return undefined;
  const absorbedPartyIds = existing.map(({ id }) => id).filter((id) => id !== party.id);
  return { party, absorbedPartyIds: absorbedPartyIds.sort() };
}
