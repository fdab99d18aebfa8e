import { AttributionScored, AttributionStatus } from '@openledger/contracts';
import { PPB } from '@openledger/kernel';
import type { IndexSummary, ScoredAnswer } from './ports.js';
import type { ServedAnswer } from './store-port.js';

type Answer = Pick<ServedAnswer, 'requestId' | 'modelId' | 'adapterDigest'>;

/** A score as subscribers and callers see it. */
export function toScoredEvent(
  { requestId, modelId, adapterDigest }: Answer,
  score: ScoredAnswer,
  scoredAt: Date | undefined,
): AttributionScored {
  const { reliability, pools } = score;
  return AttributionScored.create({
    requestId,
    modelId,
    adapterDigest,
    contributors: score.contributors.map((share) => ({ ...share })),
    baseModelPpb: score.baseModelPpb,
    reservePpb: score.reservePpb,
    reliabilityPpb: reliability.ppb,
    reliabilityLowPpb: reliability.lowPpb,
    reliabilityHighPpb: reliability.highPpb,
    evidenceBlob: score.evidenceBlob,
    scoredAt,
    status:
      score.status === 'scored'
        ? AttributionStatus.ATTRIBUTION_STATUS_SCORED
        : AttributionStatus.ATTRIBUTION_STATUS_UNATTRIBUTABLE,
    reason: score.reason,
    indexDigest: score.indexDigest,
    indexRoot: score.indexRoot,
    codeVersion: score.codeVersion,
    ...(pools && { pools: { ...pools } }),
  });
}

/** Nothing could be measured, so nobody is paid by a guess: the reserve holds it all. */
export const unattributable = (reason: string, index?: IndexSummary): ScoredAnswer => ({
  status: 'unattributable',
  reason,
  contributors: [],
  baseModelPpb: 0,
  reservePpb: Number(PPB),
  reliability: { ppb: 0, lowPpb: 0, highPpb: 0 },
  indexDigest: index?.digest ?? '',
  indexRoot: index?.root ?? '',
  codeVersion: '',
  evidenceBlob: '',
  receiptBlob: '',
});
