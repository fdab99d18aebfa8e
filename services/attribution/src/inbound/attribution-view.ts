import type { ReadAnswer, ReadImpact, ReadModel } from '../application/read-attribution.js';
import { type Challenge, reliabilityOf } from '../application/store-port.js';

/** What a model's attribution is good for. */
export type ModelState = 'waiting' | 'ready' | 'failed' | 'unattributable';

/** An index of no records is that of an adapter that was trained elsewhere. */
export function stateOf({ version }: ReadModel): { readonly state: ModelState; readonly reason: string } {
  if (version.state === 'failed') return { state: 'failed', reason: version.failure ?? '' };
  if (version.state === 'waiting') return { state: 'waiting', reason: version.failure ?? '' };
  if (version.index?.records === 0) return { state: 'unattributable', reason: 'UNKNOWN_ORIGIN' };
  return { state: 'ready', reason: '' };
}

export function modelView(model: ReadModel) {
  const { modelId, adapterDigest, progress, failure, index, audit } = model.version;
  const reliability = index && reliabilityOf(index, audit);
  const { state, reason } = stateOf(model);
  return {
    modelId,
    adapterDigest,
    state,
    reason,
    progress,
    failure,
    isStale: model.isStale,
    indexDigest: index?.digest,
    indexRoot: index?.root,
    records: index?.records,
    reliabilityPpb: reliability?.ppb,
    reliability: reliability && {
      ...reliability,
      method: audit?.report?.method ?? 'LOCAL_STEP',
      auditBlob: audit?.report?.auditBlob,
      auditedAt: audit?.auditedAt?.toISOString(),
      isAuditAwaited: audit?.state === 'waiting',
    },
    contributors: index?.stakes,
  };
}

export function answerView({ answer, score, evidence, missing, isStale }: ReadAnswer) {
  const { status, reason, contributors, baseModelPpb, reservePpb, reliability, pools } = score;
  const { indexDigest, indexRoot, codeVersion, receiptBlob, evidenceBlob } = score;
  return {
    requestId: answer.requestId,
    modelId: answer.modelId,
    adapterDigest: answer.adapterDigest,
    status,
    reason,
    text: evidence.text,
    reliabilityPpb: reliability.ppb,
    reliabilityLowPpb: reliability.lowPpb,
    reliabilityHighPpb: reliability.highPpb,
    baseModelPpb,
    reservePpb,
    pools,
    contributors,
    spans: evidence.spans,
    topRecords: evidence.topRecords,
    missing,
    isStale,
    indexDigest,
    indexRoot,
    codeVersion,
    receiptBlob,
    evidenceBlob,
    scoredAt: answer.scoredAt?.toISOString(),
  };
}

export function explanationView({ answer, evidence, missing }: ReadAnswer) {
  const { text, spans, topRecords, chunks, reasons } = evidence;
  return { requestId: answer.requestId, text, spans, records: topRecords, chunks, reasons, missing };
}

export function impactView({ version, impact, versions }: ReadImpact) {
  return {
    modelId: version.modelId,
    adapterDigest: version.adapterDigest,
    ...impact,
    versions: versions.map((earlier) => ({
      adapterDigest: earlier.version.adapterDigest,
      baseLoss: earlier.impact.baseLoss,
      adapterLoss: earlier.impact.adapterLoss,
      deployedAt: earlier.version.deployedAt.toISOString(),
    })),
  };
}

export const challengeView = ({ id, requestId, reason, challengedAt, decision }: Challenge) => ({
  challengeId: id,
  requestId,
  reason,
  challengedAt: challengedAt.toISOString(),
  outcome: decision?.outcome,
  finding: decision?.finding,
  decidedAt: decision?.decidedAt.toISOString(),
});
