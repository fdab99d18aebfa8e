import { DomainError, PPB, splitExactly } from '@openledger/kernel';
import { lesser } from '../ledger/standing.js';

/** Who gets a part of a fee. */
export type Role =
  | 'platform'
  | 'node'
  | 'developer'
  | 'stakers'
  | 'contributor'
  | 'royalty'
  | 'base-model'
  | 'reserve';

/** Basis points of the gross fee: the first four sum to 10,000. */
export interface RoleSplit {
  readonly platformBps: number;
  readonly developerBps: number;
  readonly stakersBps: number;
  readonly contributorsBps: number;
  /** Of the gross fee to who runs the GPU, out of the platform's and the developer's parts in proportion to them. */
  readonly nodeBps: number;
  /** Of the developer's part and of the contributors' pool to those behind the model's ancestors. */
  readonly royaltyBps: number;
}

export const DEFAULT_ROLE_SPLIT: RoleSplit = {
  platformBps: 1_000,
  developerBps: 2_000,
  stakersBps: 2_000,
  contributorsBps: 5_000,
  nodeBps: 1_000,
  royaltyBps: 500,
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
  /** Organisation that runs the worker; without one its part stays with platform and developer. */
  readonly nodeOperatorId?: string;
  /** Without ancestors nobody is paid a royalty. */
  readonly royalties?: Royalties;
}

/** Those behind the versions that a model descends from, with what each weighs. */
export interface Royalties {
  readonly developers: readonly RoyaltyShare[];
  readonly contributors: readonly RoyaltyShare[];
}

export interface RoyaltyShare {
  readonly payeeId: string;
  readonly weight: bigint;
}

export interface FeePart {
  readonly role: Role;
  /** Contributor or organisation; empty for platform, stakers and reserve. */
  readonly payeeId: string;
  readonly amountWei: bigint;
}

/**
 * Splits a fee over everyone who earned it; the parts sum to the fee, always. First by role, then what nodes and
 * ancestors get of their part (floored, so that rounding never takes from who earns the rest), then what is left of the
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
  const node = nodePart(feeWei, roles, { platform, developer }, payees.nodeOperatorId);
  const { developers = [], contributors = [] } = payees.royalties ?? {};
  const keptByDeveloper = developer - node.ofDeveloper;
  const ofDeveloper = royaltiesOf(keptByDeveloper, roles.royaltyBps, developers);
  const ofPool = royaltiesOf(pool, roles.royaltyBps, contributors);
  return [
    { role: 'platform', payeeId: '', amountWei: platform - node.ofPlatform },
    ...node.parts,
    { role: 'developer', payeeId: payees.developerId, amountWei: keptByDeveloper - sumOf(ofDeveloper) },
    { role: 'stakers', payeeId: '', amountWei: stakers },
    ...merged([...ofDeveloper, ...ofPool]),
    ...splitPool(pool - sumOf(ofPool), attribution, payees.baseModelOwnerId),
  ];
}

interface NodePart {
  readonly ofPlatform: bigint;
  readonly ofDeveloper: bigint;
  readonly parts: readonly FeePart[];
}

function nodePart(
  feeWei: bigint,
  { nodeBps }: RoleSplit,
  { platform, developer }: { readonly platform: bigint; readonly developer: bigint },
  nodeOperatorId: string | undefined,
): NodePart {
  const both = platform + developer;
  const amountWei = lesser(bpsOf(feeWei, nodeBps), both);
  if (nodeOperatorId === undefined || amountWei === 0n) return { ofPlatform: 0n, ofDeveloper: 0n, parts: [] };
  const [ofPlatform = 0n, ofDeveloper = 0n] = splitExactly(amountWei, [platform, developer]);
  return { ofPlatform, ofDeveloper, parts: [{ role: 'node', payeeId: nodeOperatorId, amountWei }] };
}

function royaltiesOf(partWei: bigint, royaltyBps: number, shares: readonly RoyaltyShare[]): FeePart[] {
  const sorted = shares
    .filter(({ weight }) => weight > 0n)
    .sort((a, b) => compareBytes(a.payeeId, b.payeeId));
  if (sorted.length === 0) return [];
  const amounts = splitExactly(
    bpsOf(partWei, royaltyBps),
    sorted.map(({ weight }) => weight),
  );
  return sorted.map(({ payeeId }, i) => ({ role: 'royalty', payeeId, amountWei: amounts[i] ?? 0n }));
}

/** One part a payee. */
function merged(parts: readonly FeePart[]): FeePart[] {
  const amounts = new Map<string, bigint>();
  for (const { payeeId, amountWei } of parts) amounts.set(payeeId, (amounts.get(payeeId) ?? 0n) + amountWei);
  return [...amounts]
    .sort(([a], [b]) => compareBytes(a, b))
    .map(([payeeId, amountWei]) => ({ role: 'royalty', payeeId, amountWei }));
}

const bpsOf = (amountWei: bigint, bps: number): bigint => (amountWei * BigInt(bps)) / 10_000n;

const sumOf = (parts: readonly FeePart[]): bigint => parts.reduce((sum, part) => sum + part.amountWei, 0n);

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

/** @throws DomainError SPLIT_NOT_WHOLE, SPLIT_OUT_OF_RANGE */
export function checkRoles(roles: RoleSplit): void {
  const all = [roles.platformBps, roles.developerBps, roles.stakersBps, roles.contributorsBps];
  const sum = all.reduce((a, b) => a + b, 0);
  if (sum !== 10_000 || !all.every(isBps)) {
    const message = `role shares must be whole bps that sum to 10,000, not ${sum}`;
    throw new DomainError('invalid', 'SPLIT_NOT_WHOLE', message);
  }
  const nodesMax = roles.platformBps + roles.developerBps;
  if (isBps(roles.nodeBps) && roles.nodeBps <= nodesMax && isBps(roles.royaltyBps)) return;
  const message = `the node share must be whole bps up to the platform's and the developer's together (${nodesMax}), the royalty up to 10,000`;
  throw new DomainError('invalid', 'SPLIT_OUT_OF_RANGE', message);
}

const isBps = (bps: number): boolean => Number.isInteger(bps) && bps >= 0 && bps <= 10_000;

/** @throws DomainError SHARES_NOT_WHOLE */
export function checkShares(attribution: Attribution): void {
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
