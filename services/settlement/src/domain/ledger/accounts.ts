import type { FeePart } from '../split/split-fee.js';

/**
 * How an account may stand. `asset` is never credited beyond its debits and `liability` never debited beyond its
 * credits; `open` may stand either way.
 */
export type AccountKind = 'asset' | 'liability' | 'open';

export interface Account {
  readonly id: string;
  readonly kind: AccountKind;
}

const asset = (id: string): Account => ({ id, kind: 'asset' });
const liability = (id: string): Account => ({ id, kind: 'liability' });

/** OPEN held by the prepaid vault. */
export const CHAIN_VAULT = asset('chain:vault');
/** OPEN held by the rewards distributor. */
export const CHAIN_DISTRIBUTOR = asset('chain:distributor');
/** What the vault is short of because a reorg undid deposits that were paid out already. */
export const VAULT_MISSING: Account = { id: 'suspense:vault', kind: 'open' };
/**
 * OPEN in the escrow that vouchers give us. Open, because the chain may know of claims that a restored database has
 * forgotten; reconciliation tells.
 */
export const CHAIN_ESCROW: Account = { id: 'chain:escrow', kind: 'open' };
/** Fees that are metered and not split yet. */
export const CLEARING = liability('clearing:fees');
/** Deposits whose account names no organisation. */
export const UNMATCHED = liability('suspense:unmatched');

/** What an organisation has prepaid and not spent. */
export const payer = (organisationId: string): Account => liability(`payer:${organisationId}`);

/** What of an organisation's prepaid money gateways have on lease. */
export const leased = (organisationId: string): Account => liability(`leased:${organisationId}`);

/** What an operator prepaid for organisations with a free tier. */
export const sponsor = (name: string): Account => liability(`sponsor:${name}`);

/** What stakers earned and no epoch has sent to the stake registry. */
export const STAKERS = liability('stakers');
/** What an epoch sends there, until it is mined. */
export const STAKERS_PROMISED = liability('promised:stakers');

/** What the platform earned and did not give back. */
export const PLATFORM = liability('platform');

/** What an organisation owes because a deposit that it already spent was undone by a reorg. */
export const reorgDebt = (organisationId: string): Account => ({
  id: `suspense:reorg:${organisationId}`,
  kind: 'open',
});

/** What is promised to a wallet by posted roots and not claimed yet. */
export const wallet = (address: string): Account => liability(`wallet:${address.toLowerCase()}`);

/** Where a part of a fee accrues until the epoch is closed. */
export function accrualOf(part: Pick<FeePart, 'role' | 'payeeId'>): Account {
  return liability(part.payeeId === '' ? part.role : `${part.role}:${part.payeeId}`);
}

/** Accounts that an epoch pays out; the rest stays with the platform. */
export const PAYABLE_ROLES = ['contributor', 'developer', 'base-model', 'node', 'royalty'] as const;

/** Accounts that parts of fees are credited to. */
export const ACCRUAL_ROLES = [...PAYABLE_ROLES, 'platform', 'stakers', 'reserve'] as const;
