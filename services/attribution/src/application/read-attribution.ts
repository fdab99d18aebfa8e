import { DomainError } from '@openledger/kernel';
import { type ReadableAnswer, type Reader, readable } from './access.js';
import type { Evidence, EvidenceReader, Impact, ScoredAnswer } from './ports.js';
import type { RecordRegistry } from './record-registry.js';
import { type ShownEvidence, shownTo } from './shown-evidence.js';
import type { AnswerStatus, ReadStore, VersionStatus } from './store-port.js';

/** Of the trend of a model. */
const VERSIONS_MAX = 100;

export interface ReadAnswer {
  readonly answer: AnswerStatus;
  readonly score: ScoredAnswer;
  readonly evidence: ShownEvidence;
  /** What is gone, so that it cannot be shown. */
  readonly missing: readonly string[];
  /** Something that the index was built from has been taken back since. */
  readonly isStale: boolean;
}

export interface ReadModel {
  readonly version: VersionStatus;
  readonly isStale: boolean;
}

export interface ReadImpact {
  readonly version: VersionStatus;
  readonly impact: Impact;
  /** Versions whose impact was measured, oldest first. */
  readonly versions: readonly { readonly version: VersionStatus; readonly impact: Impact }[];
}

const NOTHING_SHOWN: Evidence = { text: '', spans: [], topRecords: [] };

/** Shows an answer's attribution to who paid for it and to who has a stake in its model; models to anybody. */
export class ReadAttribution {
  constructor(
    private readonly reads: ReadStore,
    private readonly evidence: EvidenceReader,
    private readonly registry: RecordRegistry,
  ) {}

  /** @throws DomainError ATTRIBUTION_UNKNOWN, ATTRIBUTION_PENDING */
  async score(requestId: string, reader: Reader): Promise<{ answer: AnswerStatus; score: ScoredAnswer }> {
    return scored(await readable(this.reads, requestId, reader));
  }

  /** @throws DomainError ATTRIBUTION_UNKNOWN, ATTRIBUTION_PENDING */
  async answer(requestId: string, reader: Reader): Promise<ReadAnswer> {
    const found = await readable(this.reads, requestId, reader);
    const { answer, score } = scored(found);
    const stored = await this.stored(score.evidenceBlob);
    const whole = stored ?? NOTHING_SHOWN;
    const cited = [...whole.topRecords, ...whole.spans.flatMap(({ records }) => records)];
    const withdrawn = await this.registry.withdrawnRecords([
      ...new Set(cited.map(({ recordId }) => recordId)),
    ]);
    const evidence = shownTo({ evidence: whole, score, withdrawn }, { ...reader, isPayer: found.isPayer });
    const isStale = await this.isStale(found.version);
    return { answer, score, evidence, missing: stored ? [] : [`evidence ${score.evidenceBlob}`], isStale };
  }

  /** Undefined when it is gone: the shares stand without it. */
  private async stored(blob: string): Promise<Evidence | undefined> {
    if (blob === '') return NOTHING_SHOWN;
    return this.evidence.read(blob).catch((error: unknown) => {
      if (error instanceof DomainError && error.code === 'BLOB_UNKNOWN') return undefined;
      throw error;
    });
  }

  /** The newest deployed version. @throws DomainError MODEL_UNKNOWN */
  async model(modelId: string): Promise<ReadModel> {
    const version = (await this.reads.versionsOf(modelId, 1)).at(-1);
    if (!version) throw modelUnknown(modelId);
    return { version, isStale: await this.isStale(version) };
  }

  /** @throws DomainError MODEL_UNKNOWN, IMPACT_PENDING */
  async impact(modelId: string): Promise<ReadImpact> {
    const versions = await this.reads.versionsOf(modelId, VERSIONS_MAX);
    const newest = versions.at(-1);
    if (!newest) throw modelUnknown(modelId);
    const measured = versions.flatMap((version) => {
      const impact = version.audit?.report?.impact;
      return impact ? [{ version, impact }] : [];
    });
    const impact = newest.audit?.report?.impact;
    if (impact)
      return { version: newest, impact, versions: measured.filter(({ version }) => version !== newest) };
    throw impactMissing(modelId, newest);
  }

  private async isStale(version: VersionStatus | undefined): Promise<boolean> {
    const { stakes = [], contributions = [] } = version?.index ?? {};
    const withdrawn = await this.registry.withdrawnContributions(
      stakes.map(({ contributorId }) => contributorId),
    );
    const indexed = new Set(contributions);
    return withdrawn.some((id) => indexed.has(id));
  }
}

function scored({ answer }: ReadableAnswer): { answer: AnswerStatus; score: ScoredAnswer } {
  if (answer.result) return { answer, score: answer.result };
  const why = answer.failure ? ` It was tried: ${answer.failure}` : '';
  const message = `The answer ${answer.requestId} is not attributed yet: ask again later.${why}`;
  throw new DomainError('not-found', 'ATTRIBUTION_PENDING', message);
}

const modelUnknown = (modelId: string): DomainError =>
  new DomainError('not-found', 'MODEL_UNKNOWN', `There is no deployed model ${modelId}.`);

function impactMissing(modelId: string, { state, audit }: VersionStatus): DomainError {
  const isAwaited = state === 'waiting' || audit?.state === 'waiting';
  return isAwaited
    ? new DomainError(
        'not-found',
        'IMPACT_PENDING',
        `The impact on ${modelId} is not measured yet: ask again later.`,
      )
    : new DomainError(
        'not-found',
        'IMPACT_UNKNOWN',
        `The impact on ${modelId} was not measured: nothing was held out, or no audit could be made.`,
      );
}
