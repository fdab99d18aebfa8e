import { DomainError } from '@openledger/kernel';
import { type PayeeChange, type RoleChange, SplitComparison } from '../../domain/split/compare-splits.js';
import { royaltiesOf } from '../../domain/split/royalties.js';
import {
  type Attribution,
  checkRoles,
  type FeePart,
  type Payees,
  type RoleSplit,
  type Royalties,
  splitFee,
} from '../../domain/split/split-fee.js';
import type { SettlementStore, SettlementTx } from '../ports.js';

const PAYEES_MAX = 100;

/** An answer that was credited, with what its split followed from. */
export interface CreditedAnswer {
  readonly modelId: string;
  readonly adapterDigest: string;
  readonly feeWei: bigint;
  readonly attribution: Attribution;
  readonly parts: readonly FeePart[];
  /** Whose worker it was, where that is known. */
  readonly nodeOperatorId?: string;
  readonly servedAt: Date;
}

export interface Simulation {
  readonly answers: number;
  readonly from: Date;
  readonly to: Date;
  readonly feeWei: bigint;
  readonly byRole: readonly RoleChange[];
  /** Those whom it changes most. */
  readonly byPayee: readonly PayeeChange[];
}

export abstract class CreditedAnswers {
  /** Newest first. */
  abstract newest(limit: number): Promise<CreditedAnswer[]>;
}

/** Splits past answers by other shares, before anybody decides to change them. Moves nothing. */
export class SimulatePolicy {
  constructor(
    private readonly store: SettlementStore,
    private readonly answers: CreditedAnswers,
  ) {}

  /** @throws DomainError SPLIT_NOT_WHOLE, SPLIT_OUT_OF_RANGE, NOTHING_TO_SIMULATE */
  async run(roles: RoleSplit, limit: number): Promise<Simulation> {
    checkRoles(roles);
    const answers = await this.answers.newest(limit);
    const [newest] = answers;
    const oldest = answers.at(-1);
    if (!newest || !oldest) {
      throw new DomainError('precondition', 'NOTHING_TO_SIMULATE', 'No answer has been credited yet.');
    }
    const royalties = await this.store.transaction((tx) => royaltiesBy(tx, answers));
    const comparison = new SplitComparison();
    for (const answer of answers) {
      const payees = payeesOf(answer, royalties.get(versionOf(answer)));
      comparison.add(answer.parts, splitFee(answer.feeWei, roles, answer.attribution, payees));
    }
    return {
      answers: answers.length,
      from: oldest.servedAt,
      to: newest.servedAt,
      feeWei: answers.reduce((sum, { feeWei }) => sum + feeWei, 0n),
      byRole: comparison.byRole(),
      byPayee: comparison.byPayee(PAYEES_MAX),
    };
  }
}

async function royaltiesBy(
  tx: SettlementTx,
  answers: readonly CreditedAnswer[],
): Promise<ReadonlyMap<string, Royalties>> {
  const distinct = [...new Map(answers.map((one) => [versionOf(one), one])).values()];
  const lines = await tx.policies.ancestors(distinct);
  const royalties = new Map<string, Royalties>();
  for (const [i, answer] of distinct.entries()) {
    royalties.set(versionOf(answer), royaltiesOf(developerOf(answer), lines[i] ?? []));
  }
  return royalties;
}

function payeesOf(answer: CreditedAnswer, royalties: Royalties | undefined): Payees {
  const baseModelOwnerId = answer.parts.find(({ role }) => role === 'base-model')?.payeeId;
  return {
    developerId: developerOf(answer),
    ...(baseModelOwnerId === undefined ? {} : { baseModelOwnerId }),
    ...(answer.nodeOperatorId === undefined ? {} : { nodeOperatorId: answer.nodeOperatorId }),
    ...(royalties === undefined ? {} : { royalties }),
  };
}

const developerOf = ({ parts }: CreditedAnswer): string =>
  parts.find(({ role }) => role === 'developer')?.payeeId ?? '';

const versionOf = ({ modelId, adapterDigest }: CreditedAnswer): string => `${modelId}\n${adapterDigest}`;
