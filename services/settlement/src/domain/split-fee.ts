import { DomainError, PPB, splitExactly } from '@openledger/kernel';

/** Who gets a part of a fee. */
export type Role = 'platform' | 'developer' | 'stakers' | 'contributor' | 'base-model' | 'reserve';

/** Basis points of the gross fee; they sum to 10,000. */
export interface RoleSplit {
  readonly platformBps: number;
  readonly developerBps: number;
  readonly stakersBps: number;
  readonly contributorsBps: number;
}

export const DEFAULT_ROLE_SPLIT: RoleSplit = {
  platformBps: 1_000,
  developerBps: 2_000,
  stakersBps: 2_000,
  contributorsBps: 5_000,
};

/** One contributor's shares in parts per billion. */
export interface ContributorShare {
  readonly contributorId: string;
  /** Share of this answer's influence, w. */
  readonly influencePpb: bigint;
  /** Share of this answer by chunks of his that were retrieved for it, c. */
  readonly contextPpb: bigint;
  /** Share of what the model was trained on, b. */
  readonly basePpb: bigint;
}

/**
 * How an answer came about. Influence and context shares with the base model's and the reserve's sum to 1e9; so do base
 * shares.
 */
export interface Attribution {
  readonly contributors: readonly ContributorShare[];
  readonly baseModelPpb: bigint;
  readonly reservePpb: bigint;
  /** Weight of influence against base shares, ρ. */
  readonly reliabilityPpb: bigint;
}

export interface Payees {
  readonly developerId: string;
  /** Registered owner of the base model; without one its part goes to the reserve. */
  readonly baseModelOwnerId?: string;
}

export interface FeePart {
  readonly role: Role;
  /** Contributor or organisation; empty for platform, stakers and reserve. */
  readonly payeeId: string;
  readonly amountWei: bigint;
}

/**
 * Splits a fee over everyone who earned it; the parts sum to the fee, always. First by role, then the
 * contributors' pool by `pay_i = pool · (c_i + ρ·w_i + (1−ρ)·(1−Σc)·b_i)`: what retrieved chunks did is measured by
 * leaving them out and paid as it is, and reliability decides over the rest. The base model and the reserve are
 * recipients of their own influence shares. Left-over wei go to the largest remainders, ties in a fixed order (roles
 * as listed, contributors by id), so that any machine re-computes the same parts from the same event in any order.
 */
export function splitFee(
  feeWei: bigint,
  roles: RoleSplit,
  attribution: Attribution,
  payees: Payees,
): FeePart[] {
  checkRoles(roles);
  checkShares(attribution);
  const [platform = 0n, developer = 0n, stakers = 0n, pool = 0n] = splitExactly(
    feeWei,
    [roles.platformBps, roles.developerBps, roles.stakersBps, roles.contributorsBps].map(BigInt),
  );
  return [
    { role: 'platform', payeeId: '', amountWei: platform },
    { role: 'developer', payeeId: payees.developerId, amountWei: developer },
    { role: 'stakers', payeeId: '', amountWei: stakers },
    ...splitPool(pool, attribution, payees.baseModelOwnerId),
  ];
}

function splitPool(pool: bigint, attribution: Attribution, baseModelOwnerId: string | undefined): FeePart[] {
  const { reliabilityPpb: rho, contributors } = attribution;
  const sorted = [...contributors].sort((a, b) => compareBytes(a.contributorId, b.contributorId));
  const beside = PPB - sorted.reduce((sum, { contextPpb }) => sum + contextPpb, 0n);
  // All weights are shares of the pool times PPB³.
  const recipients: { role: Role; payeeId: string; weight: bigint }[] = sorted.map((share) => ({
    role: 'contributor',
    payeeId: share.contributorId,
    weight: PPB * (PPB * share.contextPpb + rho * share.influencePpb) + (PPB - rho) * beside * share.basePpb,
  }));
  const baseModel = PPB * rho * attribution.baseModelPpb;
  if (baseModelOwnerId !== undefined) {
    recipients.push({ role: 'base-model', payeeId: baseModelOwnerId, weight: baseModel });
  }
  // Whatever nobody has a claim to: noise, an unowned base model, and base shares of a model without lineage.
  const claimed = recipients.reduce((sum, recipient) => sum + recipient.weight, 0n);
  recipients.push({ role: 'reserve', payeeId: '', weight: PPB ** 3n - claimed });

  const amounts = splitExactly(
    pool,
    recipients.map((recipient) => recipient.weight),
  );
  return recipients.map(({ role, payeeId }, index) => ({ role, payeeId, amountWei: amounts[index] ?? 0n }));
}

/** @throws DomainError when the bps do not sum to 10,000. */
export function checkRoles(roles: RoleSplit): void {
  const all = [roles.platformBps, roles.developerBps, roles.stakersBps, roles.contributorsBps];
  const sum = all.reduce((a, b) => a + b, 0);
  if (sum === 10_000 && all.every((bps) => Number.isInteger(bps) && bps >= 0)) return;
  throw new DomainError(
    'invalid',
    'SPLIT_NOT_WHOLE',
    `role shares must be whole bps that sum to 10,000, not ${sum}`,
  );
}

function checkShares(attribution: Attribution): void {
  const { contributors, baseModelPpb, reservePpb, reliabilityPpb } = attribution;
  const influence = contributors.reduce(
    (sum, c) => sum + c.influencePpb + c.contextPpb,
    baseModelPpb + reservePpb,
  );
  const base = contributors.reduce((sum, c) => sum + c.basePpb, 0n);
  const shares = [
    baseModelPpb,
    reservePpb,
    reliabilityPpb,
    ...contributors.flatMap((c) => [c.influencePpb, c.contextPpb, c.basePpb]),
  ];
  const distinct = new Set(contributors.map((c) => c.contributorId)).size === contributors.length;
  const inRange = shares.every((share) => share >= 0n && share <= PPB);
  // A model without contributors has no base shares at all; anything else must be whole.
  const baseIsWhole = base === PPB || (base === 0n && contributors.every((c) => c.basePpb === 0n));
  if (influence === PPB && baseIsWhole && inRange && distinct) return;
  throw new DomainError('invalid', 'SHARES_NOT_WHOLE', 'attribution shares must be in 0…1e9 and sum to 1e9', {
    details: { influencePpb: String(influence), basePpb: String(base) },
  });
}

const compareBytes = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
