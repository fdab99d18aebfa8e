import { AttributionAudited, encodeEvent, topics } from '@openledger/contracts';
import { type Clock, DomainError, derivedId } from '@openledger/kernel';
import type { AttributionEngine, AuditReport, ModelVersion } from './ports.js';
import type { ReadStore, WorkKey, WorkStore } from './store-port.js';
import type { Attempts, WorkKind } from './work.js';

export interface AuditVersionsParts {
  readonly store: WorkStore;
  readonly reads: ReadStore;
  readonly engine: AttributionEngine;
  readonly attempts: Attempts;
  readonly clock: Clock;
  /** Budget of one audit. */
  readonly secondsMax: number;
}

/** Measures how far a version's attribution can be trusted; scores made from then on carry it. */
export class AuditVersions implements WorkKind {
  constructor(private readonly parts: AuditVersionsParts) {}

  async next(signal: AbortSignal): Promise<boolean> {
    const claimed = await this.parts.store.claimAudit();
    if (!claimed) return false;
    const { work: version, attempt } = claimed;
    const { modelId, adapterDigest } = version;
    const key: WorkKey = { kind: 'audit', modelId, adapterDigest };
    await this.parts.attempts.run({ key, attempt, work: () => this.audit(version, signal) }, signal);
    return true;
  }

  private async audit(version: ModelVersion, signal: AbortSignal): Promise<void> {
    const { store, reads, engine, clock, secondsMax } = this.parts;
    const { modelId, adapterDigest } = version;
    const status = await reads.version(modelId, adapterDigest);
    if (!status?.index) throw new DomainError('precondition', 'NO_INDEX', 'The version has no index.');
    const indexDigest = status.index.digest;
    const report = await engine.audit({ version, indexDigest, secondsMax }, signal);
    const at = clock.now();
    const id = derivedId(`${modelId} ${adapterDigest} ${indexDigest}`, topics.attributionAudited.name);
    const event = encodeEvent(topics.attributionAudited, id, toAuditedEvent(version, report, at));
    await store.saveAudit(version, report, at, event);
  }
}

export const toAuditedEvent = (
  { modelId, adapterDigest }: Pick<ModelVersion, 'modelId' | 'adapterDigest'>,
  { reliability, method, auditBlob }: Omit<AuditReport, 'impact'>,
  auditedAt: Date | undefined,
): AttributionAudited =>
  AttributionAudited.create({
    modelId,
    adapterDigest,
    reliabilityPpb: reliability.ppb,
    reliabilityLowPpb: reliability.lowPpb,
    reliabilityHighPpb: reliability.highPpb,
    method,
    auditBlob,
    auditedAt,
  });
