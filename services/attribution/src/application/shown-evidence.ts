import type { Reader } from './access.js';
import type { Evidence, ReasonCode, ScoredAnswer, Share } from './ports.js';

export interface ContributorReason {
  readonly contributorId: string;
  readonly code: ReasonCode;
  readonly message: string;
}

/** Evidence as one reader may see it; texts that are not for him are empty. */
export interface ShownEvidence extends Required<Evidence> {
  readonly reasons: readonly ContributorReason[];
}

export interface WholeEvidence {
  readonly evidence: Evidence;
  readonly score: ScoredAnswer;
  /** Records that were taken back since: their text is nobody's to see. */
  readonly withdrawn: ReadonlySet<string>;
}

/**
 * Keeps tenants apart. The payer sees his answer whole and the records behind it. A contributor sees who earned what,
 * all places, ids and influence, but of texts only his own records' and the words of the answer that stand in them.
 */
export function shownTo(
  { evidence, score, withdrawn }: WholeEvidence,
  { personId, isPayer }: Reader & { readonly isPayer: boolean },
): ShownEvidence {
  const isHis = ({ contributorId }: { readonly contributorId: string }) => contributorId === personId;
  return {
    text: isPayer ? evidence.text : '',
    spans: evidence.spans.map((span) => ({
      ...span,
      nats: span.nats ?? 0,
      standing: span.standing ?? 'owned',
      text: isPayer || span.records.some(isHis) ? span.text : '',
    })),
    topRecords: evidence.topRecords.map((record) => {
      const isShown = (isPayer || isHis(record)) && !withdrawn.has(record.recordId);
      return isShown ? record : { ...record, prompt: '', completion: '' };
    }),
    chunks: evidence.chunks ?? [],
    reasons: evidence.reasons ?? reasonsOf(score),
  };
}

/** As far as shares alone say it: evidence of earlier releases gives no reasons. */
const reasonsOf = ({ contributors, reason }: ScoredAnswer): ContributorReason[] =>
  contributors.map((share) => ({ contributorId: share.contributorId, ...reasonOf(share, reason) }));

function reasonOf(
  { influencePpb, contextPpb, basePpb }: Share,
  reason: string,
): Omit<ContributorReason, 'contributorId'> {
  if (influencePpb + contextPpb > 0)
    return { code: 'PAID', message: 'His data explains a part of the answer.' };
  const why =
    reason === '' ? 'His influence does not stand above chance.' : `Nothing was measured: ${reason}.`;
  return basePpb > 0
    ? { code: 'ONLY_BASE_SHARE', message: `${why} He earns by what the model was trained on.` }
    : { code: 'BELOW_NOISE', message: why };
}
