import { DomainError } from '@openledger/kernel';
import { greater, lesser } from '../ledger/standing.js';

/** Money that a sponsor gives an organisation each month. */
export interface FreeTier {
  readonly organisationId: string;
  /** Name of the account that pays. */
  readonly sponsor: string;
  /** 0: no further grants. */
  readonly monthlyWei: bigint;
}

/** What was given for one month. */
export interface Grant {
  readonly organisationId: string;
  /** `YYYY-MM`, UTC. */
  readonly month: string;
  readonly sponsor: string;
  readonly amountWei: bigint;
  /** What the organisation had ever spent when it came: what it spends from then on is spent of the grant first. */
  readonly spentBeforeWei: bigint;
}

/**
 * What goes back to the sponsor when the month is over. A grant is spent first and own money last, so the rest is the grant less
 * everything spent since. What is set aside at that moment counts as spent, and no more is taken than is there: own money stays.
 */
export function unspentOf(
  grant: Grant,
  use: { readonly spentWei: bigint; readonly setAsideWei: bigint; readonly availableWei: bigint },
): bigint {
  const restWei = grant.amountWei - (use.spentWei - grant.spentBeforeWei) - use.setAsideWei;
  return greater(0n, lesser(restWei, use.availableWei));
}

const SPONSOR = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** @throws DomainError SPONSOR_INVALID */
export function checkSponsor(name: string): string {
  if (SPONSOR.test(name)) return name;
  throw new DomainError(
    'invalid',
    'SPONSOR_INVALID',
    'the name of a sponsor is 1 to 63 lower-case letters, digits and dashes',
  );
}
