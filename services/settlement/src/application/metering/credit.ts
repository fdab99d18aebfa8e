import { type EncodedEvent, encodeEvent, topics } from '@openledger/contracts';
import { derivedId } from '@openledger/kernel';
import { type Account, accrualOf, CLEARING } from '../../domain/ledger/accounts.js';
import { single, type Transfer } from '../../domain/ledger/transfer.js';
import { royaltiesOf } from '../../domain/split/royalties.js';
import {
  type FeePart,
  type Payees,
  type RoleSplit,
  type Royalties,
  splitFee,
} from '../../domain/split/split-fee.js';
import { policyAt } from '../../domain/split/split-policy.js';
import type { SettlementTx } from '../ports.js';
import type { Credit, ReceiptPart } from './answer-ports.js';
import type { PricedModel, ScoredRequest, ServedRequest } from './metering-ports.js';

/** How fees are shared, as far as configuration says. */
export interface SplitRules {
  /** Where no policy is kept. */
  readonly roles: RoleSplit;
  /** Base model digest to the organisation that is paid for it. */
  readonly baseModelOwners: ReadonlyMap<string, string>;
}

/** An answer of which everything is known, its fee too. */
export interface Creditable {
  readonly served: ServedRequest;
  readonly scored: ScoredRequest;
  readonly model: PricedModel;
  readonly feeWei: bigint;
}

/** What crediting answers comes to; nothing has moved yet. */
export interface Credits {
  /** Absent where there was nothing to credit. */
  readonly batchId?: string;
  readonly byAnswer: ReadonlyMap<string, Credit>;
  readonly transfers: readonly Transfer[];
  readonly events: readonly EncodedEvent[];
}

/** When, and as part of what. */
export interface CreditTime {
  readonly ledgerEpoch: number;
  readonly now: Date;
}

/**
 * Splits fees, each by the policy that was in force when its answer was served, and says how they leave clearing: one
 * transfer for each account that is paid.
 */
export async function creditAll(
  tx: SettlementTx,
  answers: readonly Creditable[],
  rules: SplitRules,
  { ledgerEpoch, now }: CreditTime,
): Promise<Credits> {
  if (answers.length === 0) return { byAnswer: new Map(), transfers: [], events: [] };
  const batchId = derivedId(
    answers
      .map(({ served }) => served.id)
      .toSorted()
      .join('\n'),
    'split',
  );
  const policies = await tx.policies.all();
  const payeesOf = await payeesBy(tx, answers, rules);
  const weights = await tx.epochs.saveRoyalties(
    answers.flatMap((answer) => payeesOf(answer).royalties ?? []),
  );
  const byAnswer = new Map<string, Credit>();
  for (const answer of answers) {
    const { served, scored, feeWei } = answer;
    const policy = policies.length === 0 ? undefined : policyAt(policies, served.servedAt);
    const payees = payeesOf(answer);
    const split = splitFee(feeWei, policy?.roles ?? rules.roles, scored.attribution, payees);
    const parts = split.map((part) => ({ ...part, partyId: scored.partyOf.get(part.payeeId) ?? '' }));
    const version = policy && { policyVersion: policy.version };
    const royaltiesId = payees.royalties && weights.get(payees.royalties);
    const byWeights = royaltiesId === undefined ? {} : { royaltiesId };
    byAnswer.set(served.id, { batchId, parts, ...version, ...byWeights, ledgerEpoch, creditedAt: now });
  }
  return {
    batchId,
    byAnswer,
    transfers: transfersOf([...byAnswer.values()], batchId),
    events: answers.map((answer) => eventOf(answer, byAnswer.get(answer.served.id)?.parts ?? [], now)),
  };
}

/** Who is paid besides contributors: the same for all answers of a version, but for who ran them. */
async function payeesBy(
  tx: SettlementTx,
  answers: readonly Creditable[],
  { baseModelOwners }: SplitRules,
): Promise<(answer: Creditable) => Payees> {
  const keys = new Set(answers.flatMap(({ served }) => served.nodeKey ?? []));
  const operators = keys.size === 0 ? new Map<string, string>() : await tx.policies.nodeOperators([...keys]);
  const royalties = await royaltiesBy(tx, answers);
  return (answer) => {
    const { served, model } = answer;
    const nodeOperatorId = operators.get(served.nodeKey ?? '');
    const baseModelOwnerId = baseModelOwners.get(model.baseDigest);
    const ancestral = royalties.get(versionOf(answer));
    return {
      developerId: model.developerOrganisationId,
      ...(baseModelOwnerId === undefined ? {} : { baseModelOwnerId }),
      ...(nodeOperatorId === undefined ? {} : { nodeOperatorId }),
      ...(ancestral === undefined ? {} : { royalties: ancestral }),
    };
  };
}

/** By version; answers whose version nobody reported have none. */
async function royaltiesBy(
  tx: SettlementTx,
  answers: readonly Creditable[],
): Promise<ReadonlyMap<string, Royalties>> {
  const reported = new Map<string, Creditable>();
  for (const answer of answers) {
    const version = versionOf(answer);
    if (answer.served.adapterDigest && !reported.has(version)) reported.set(version, answer);
  }
  // In one order everywhere, because the first answer of a version is what its shares are kept from.
  const versions = [...reported.keys()].toSorted().flatMap((key) => {
    const answer = reported.get(key);
    if (!answer) return [];
    const { model, served, scored } = answer;
    const shares = scored.attribution.contributors.map((c) => [c.contributorId, c.basePpb] as const);
    const adapterDigest = served.adapterDigest ?? '';
    return [{ key, model, modelId: model.id, adapterDigest, shares: new Map(shares) }];
  });
  await tx.policies.saveBaseShares(versions);
  const lines = await tx.policies.ancestors(versions);
  return new Map(
    versions.map(({ key, model }, i) => [key, royaltiesOf(model.developerOrganisationId, lines[i] ?? [])]),
  );
}

const versionOf = ({ served }: Creditable): string => `${served.modelId}\n${served.adapterDigest ?? ''}`;

function transfersOf(credits: readonly Credit[], reference: string): Transfer[] {
  const sums = new Map<string, { readonly part: FeePart; amountWei: bigint }>();
  for (const { parts } of credits) {
    for (const part of parts) {
      const key = `${part.role}:${part.payeeId}`;
      const sum = sums.get(key);
      if (sum) sum.amountWei += part.amountWei;
      else sums.set(key, { part, amountWei: part.amountWei });
    }
  }
  return [...sums.values()]
    .filter(({ amountWei }) => amountWei > 0n)
    .map(({ part, amountWei }) => {
      const credit: Account = accrualOf(part);
      return single({ debit: CLEARING, credit, amountWei, reason: 'split', reference });
    });
}

function eventOf({ served, feeWei }: Creditable, parts: readonly ReceiptPart[], now: Date): EncodedEvent {
  return encodeEvent(topics.settlementCredited, derivedId(served.id, topics.settlementCredited.name), {
    requestId: served.id,
    modelId: served.modelId,
    payerOrganisationId: served.organisationId,
    feeWei: feeWei.toString(),
    parts: parts.map((part) => ({
      role: part.role,
      payeeId: part.payeeId,
      amountWei: part.amountWei.toString(),
    })),
    creditedAt: now,
  });
}
