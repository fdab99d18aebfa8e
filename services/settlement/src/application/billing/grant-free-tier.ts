import { DomainError, invariant } from '@openledger/kernel';
import { checkSponsor, type FreeTier, type Grant, unspentOf } from '../../domain/billing/free-tier.js';
import { monthOf } from '../../domain/billing/month.js';
import { leased, payer, sponsor } from '../../domain/ledger/accounts.js';
import { availableOf, setAsideOf } from '../../domain/ledger/standing.js';
import { single } from '../../domain/ledger/transfer.js';
import type { SettlementStore, SettlementTx } from '../ports.js';

/** Names the grant of an organisation and month, in the ledger too: posted again it changes nothing. */
const referenceOf = ({ organisationId, month }: Pick<Grant, 'organisationId' | 'month'>): string =>
  `free-tier:${organisationId}:${month}`;

/**
 * Gives an organisation what its sponsor grants it for the month, and takes back what it left of earlier ones: at its first
 * lease, hold or look at its balance of a month. A sponsor that has too little gives nothing yet. Months only go forward: a
 * clock that went back finds a later month granted, and grants nothing.
 */
export async function grantFreeTier(tx: SettlementTx, organisationId: string, now: Date): Promise<void> {
  const month = monthOf(now);
  if (!(await tx.freeTiers.isDue(organisationId, month))) return;
  const tier = await tx.freeTiers.lock(organisationId);
  if (!tier) return;
  const open = await tx.freeTiers.openBefore(organisationId, month);
  const sponsors = new Set([tier.sponsor, ...open.map((grant) => grant.sponsor)]);
  const [lent, standing] = await tx.ledger.lockAll([
    leased(organisationId),
    payer(organisationId),
    ...[...sponsors].map(sponsor),
  ]);
  invariant(lent && standing, 'accounts stand somewhere once they are locked');
  const spentWei = await tx.budgets.spent(organisationId);
  const use = {
    spentWei,
    setAsideWei: availableOf(lent) + setAsideOf(standing),
    availableWei: availableOf(standing),
  };
  for (const grant of open) {
    const returnedWei = unspentOf(grant, use);
    await takeBack(tx, grant, returnedWei, now);
    use.availableWei -= returnedWei;
  }
  await give(tx, tier, { month, spentWei }, now);
}

async function takeBack(tx: SettlementTx, grant: Grant, returnedWei: bigint, now: Date): Promise<void> {
  if (returnedWei > 0n) {
    await tx.ledger.post([
      single({
        debit: payer(grant.organisationId),
        credit: sponsor(grant.sponsor),
        amountWei: returnedWei,
        reason: 'free-tier-return',
        reference: referenceOf(grant),
      }),
    ]);
  }
  await tx.freeTiers.close(grant, returnedWei, now);
}

async function give(
  tx: SettlementTx,
  tier: FreeTier,
  at: { readonly month: string; readonly spentWei: bigint },
  now: Date,
): Promise<void> {
  const { organisationId, monthlyWei } = tier;
  const latest = await tx.freeTiers.latestMonth(organisationId);
  if (monthlyWei === 0n || (latest !== undefined && latest >= at.month)) return;
  const account = sponsor(tier.sponsor);
  if (availableOf(await tx.ledger.lock(account)) < monthlyWei) return;
  const grant: Grant = {
    organisationId,
    month: at.month,
    sponsor: tier.sponsor,
    amountWei: monthlyWei,
    spentBeforeWei: at.spentWei,
  };
  await tx.freeTiers.insert(grant, now);
  await tx.ledger.post([
    single({
      debit: account,
      credit: payer(organisationId),
      amountWei: monthlyWei,
      reason: 'free-tier',
      reference: referenceOf(grant),
    }),
  ]);
}

export interface SponsorFunding {
  /** Repeating it with the same content changes nothing. */
  readonly id: string;
  readonly sponsor: string;
  readonly organisationId: string;
  readonly amountWei: bigint;
}

/** Free tiers, for their operator and for those who have one. */
export class FreeTiers {
  constructor(private readonly store: SettlementStore) {}

  /** From the next month that is granted on. @throws DomainError SPONSOR_INVALID */
  async set(tier: FreeTier, now: Date): Promise<void> {
    checkSponsor(tier.sponsor);
    await this.store.transaction((tx) => tx.freeTiers.save(tier, now));
  }

  /** Moves prepaid money of the operator's organisation to a sponsor. @throws DomainError FUNDING_CONFLICT, INSUFFICIENT_BALANCE */
  async fund(funding: SponsorFunding): Promise<void> {
    const account = sponsor(checkSponsor(funding.sponsor));
    const transfer = {
      ...single({
        debit: payer(funding.organisationId),
        credit: account,
        amountWei: funding.amountWei,
        reason: 'sponsor-funding',
        reference: funding.id,
      }),
      // By its id alone, so that the same id for something else is seen.
      id: funding.id,
    };
    await this.store.transaction((tx) => tx.ledger.post([transfer])).catch(asFundingConflict);
  }
}

function asFundingConflict(error: unknown): never {
  if (!(error instanceof DomainError) || error.code !== 'TRANSFER_ID_REUSED') throw error;
  const message = 'this funding id stands for something else; use a new id';
  throw new DomainError('conflict', 'FUNDING_CONFLICT', message, { cause: error });
}
