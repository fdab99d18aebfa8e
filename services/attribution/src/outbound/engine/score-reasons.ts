import type { Evidence, ReasonCode } from '../../application/ports.js';
import type { ReceiptResult } from '../../domain/receipt.js';
import type { ScoringVersion } from './scoring-version.js';

const MESSAGES: Readonly<Record<ReasonCode, string>> = {
  PAID: 'His data explains a part of the answer.',
  BELOW_NOISE: 'His data helped the answer no more than data that the model never saw would have by chance.',
  NEGATIVE: 'His data, taken together, made the answer less likely.',
  DUPLICATE: 'What he contributed had been registered by somebody else before.',
  WITHDRAWN: 'He took back all that the model was trained on of his.',
  ONLY_BASE_SHARE:
    'The base model explains the answer by itself, so training data has no part of it; he earns by what the model was trained on.',
};

/** Why everybody with a stake in the model earns what he does. */
export function reasonsOf(
  { model, index }: Pick<ScoringVersion, 'model' | 'index'>,
  given: {
    readonly scores: Float64Array;
    readonly withdrawn: ReadonlySet<string>;
    readonly result: ReceiptResult;
  },
): NonNullable<Evidence['reasons']> {
  const { scores, withdrawn, result } = given;
  const influence = new Map<string, number>();
  const holds = new Set<string>();
  for (const [row, score] of scores.entries()) {
    const record = model.records[index.vectors.records[row] ?? -1];
    if (!record) continue;
    influence.set(record.contributorId, (influence.get(record.contributorId) ?? 0) + score);
    if (!withdrawn.has(record.contributionId)) holds.add(record.contributorId);
  }
  return result.contributors.map(({ contributorId, influencePpb, contextPpb }) => {
    const code = codeOf({
      earns: influencePpb + contextPpb > 0,
      holds: holds.has(contributorId),
      anyTraining: result.pools.trainingPpb > 0,
      influence: influence.get(contributorId) ?? 0,
    });
    return { contributorId, code, message: MESSAGES[code] };
  });
}

function codeOf(given: {
  earns: boolean;
  holds: boolean;
  anyTraining: boolean;
  influence: number;
}): ReasonCode {
  if (given.earns) return 'PAID';
  if (!given.holds) return 'WITHDRAWN';
  if (!given.anyTraining) return 'ONLY_BASE_SHARE';
  return given.influence < 0 ? 'NEGATIVE' : 'BELOW_NOISE';
}
