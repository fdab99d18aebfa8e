import {
  Challenge,
  ContributorShare,
  Explanation,
  Impact,
  ModelAttribution,
  ReplayResult,
} from '@openledger/contracts';
import { toAuditedEvent } from '../application/audit-versions.js';
import { toWireOutcome } from '../application/decide-challenges.js';
import type { Replay } from '../application/ports.js';
import type { ReadImpact, ReadModel } from '../application/read-attribution.js';
import type { ShownEvidence } from '../application/shown-evidence.js';
import { reliabilityOf, type Challenge as StoredChallenge } from '../application/store-port.js';
import { stateOf } from './attribution-view.js';

interface Cited {
  readonly recordId: string;
  readonly contributorId: string;
}

const recordOf = ({ recordId, contributorId }: Cited) => ({ recordId, contributorId });

export const wireExplanation = (requestId: string, evidence: ShownEvidence): Explanation =>
  Explanation.create({
    requestId,
    text: evidence.text,
    spans: evidence.spans.map(({ records, nats, ...span }) => ({
      ...span,
      records: records.map(recordOf),
      nats: nats ?? 0,
    })),
    records: evidence.topRecords.map(({ score, prompt, completion, ...record }) => ({
      record: recordOf(record),
      influence: score,
      prompt,
      completion,
    })),
    chunks: evidence.chunks.map(({ nats, standardError, ...record }) => ({
      record: recordOf(record),
      nats,
      standardError,
    })),
    reasons: evidence.reasons.map((reason) => ({ ...reason })),
  });

export const wireReplay = (requestId: string, replay: Replay): ReplayResult =>
  ReplayResult.create({
    requestId,
    equal: replay.equal,
    differences: [...replay.differences],
    missing: [...replay.missing],
    codeVersion: replay.codeVersion,
  });

export const wireChallenge = ({
  id,
  requestId,
  reason,
  challengedAt,
  decision,
}: StoredChallenge): Challenge =>
  Challenge.create({
    challengeId: id,
    requestId,
    reason,
    outcome: toWireOutcome(decision?.outcome),
    finding: decision?.finding ?? '',
    challengedAt,
    decidedAt: decision?.decidedAt,
  });

export function wireModel(model: ReadModel): ModelAttribution {
  const { version } = model;
  const { index, audit } = version;
  const { state, reason } = stateOf(model);
  const report = audit?.report;
  return ModelAttribution.create({
    modelId: version.modelId,
    adapterDigest: version.adapterDigest,
    state: state.toUpperCase(),
    reason,
    ...(index && {
      indexDigest: index.digest,
      indexRoot: index.root,
      records: index.records,
      reliability: toAuditedEvent(
        version,
        {
          reliability: reliabilityOf(index, audit),
          method: report?.method ?? 'LOCAL_STEP',
          auditBlob: report?.auditBlob ?? '',
        },
        audit?.auditedAt,
      ),
      stakes: index.stakes.map(({ contributorId, basePpb }) =>
        ContributorShare.create({ contributorId, basePpb }),
      ),
    }),
  });
}

export const wireImpact = ({ version, impact, versions }: ReadImpact): Impact =>
  Impact.create({
    modelId: version.modelId,
    adapterDigest: version.adapterDigest,
    baseLoss: impact.baseLoss,
    adapterLoss: impact.adapterLoss,
    contributors: impact.contributors.map((contributor) => ({ ...contributor })),
    versions: versions.map((earlier) => ({
      adapterDigest: earlier.version.adapterDigest,
      baseLoss: earlier.impact.baseLoss,
      adapterLoss: earlier.impact.adapterLoss,
      deployedAt: earlier.version.deployedAt,
    })),
  });
