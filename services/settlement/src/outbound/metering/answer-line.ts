import type { AnswerLine } from '../../domain/epochs/manifest.js';
import { type AnswerRow, partsOf, readScored } from './answer-row.js';

/** A credited row of table `request`. */
export interface AnswerRecord extends AnswerRow {
  readonly model_id: string;
  readonly served_at: Date;
  readonly priced: string;
  readonly fee: string;
  readonly attribution: NonNullable<AnswerRow['attribution']>;
  readonly price: string;
}

/** What of an answer its fee and its parts follow from. */
export function answerLine(row: AnswerRecord): AnswerLine {
  const parts = partsOf(row);
  const { attribution } = readScored(row.attribution);
  const [promptPrice = '', cachedPrice = '', completionPrice = ''] = row.price.split('/');
  const payeeOf = (role: string) => parts.find((part) => part.role === role)?.payeeId;
  const baseModelOwnerId = payeeOf('base-model');
  const nodeOperatorId = payeeOf('node');
  return {
    kind: 'answer',
    id: row.id,
    modelId: row.model_id,
    servedAt: row.served_at.toISOString(),
    promptTokens: row.prompt_tokens ?? 0,
    cachedTokens: row.cached_tokens ?? 0,
    completionTokens: row.completion_tokens ?? 0,
    promptPrice,
    cachedPrice,
    completionPrice,
    pricedWei: row.priced,
    feeWei: row.fee,
    policyVersion: row.policy_version ?? 0,
    attribution: {
      baseModelPpb: Number(attribution.baseModelPpb),
      reservePpb: Number(attribution.reservePpb),
      reliabilityPpb: Number(attribution.reliabilityPpb),
      contributors: attribution.contributors.map((share) => [
        share.contributorId,
        Number(share.influencePpb),
        Number(share.contextPpb),
        Number(share.basePpb),
      ]),
    },
    payees: {
      developerId: payeeOf('developer') ?? '',
      ...(baseModelOwnerId === undefined ? {} : { baseModelOwnerId }),
      ...(nodeOperatorId === undefined ? {} : { nodeOperatorId }),
      ...(row.royalties === null ? {} : { royaltiesId: row.royalties }),
    },
    parts: parts.map(({ role, payeeId, amountWei }) => [role, payeeId, amountWei.toString()]),
  };
}
