import {
  ContributionAssessed,
  type ContributionReceived,
  encodeEvent,
  topics,
  Verdict,
} from '@openledger/contracts';
import { type Clock, countLines, DomainError, derivedId } from '@openledger/kernel';
import type { AssessmentResult } from '../domain/assessment/assessment-output.js';
import { type RecordVerdict, tally } from '../domain/assessment/verdict.js';
import type { LinkParties } from './link-parties.js';
import type { Assessment, AssessmentStore, Assessor, Blobs, DatanetState } from './ports.js';

export interface AssessmentLimits {
  readonly bytesMax: number;
  readonly recordsMax: number;
  readonly qualityMin: number;
}

export interface AssessContributionParts {
  readonly store: AssessmentStore;
  readonly blobs: Blobs;
  readonly assessor: Assessor;
  readonly linkParties: LinkParties;
  readonly clock: Clock;
  readonly limits: AssessmentLimits;
}

const VERDICTS: Readonly<Record<RecordVerdict, Verdict>> = {
  accepted: Verdict.VERDICT_ACCEPTED,
  quarantined: Verdict.VERDICT_QUARANTINED,
  rejected: Verdict.VERDICT_REJECTED,
};

/**
 * Gives every record of a contribution its verdict. All computing is done, and both blobs are stored, before
 * the one transaction that writes; whatever is interrupted is computed again to the same result.
 */
export class AssessContribution {
  constructor(private readonly parts: AssessContributionParts) {}

  /** @throws DomainError DATANET_UNKNOWN while its creation has not arrived */
  async execute(event: ContributionReceived, eventId: string, signal: AbortSignal): Promise<void> {
    const { store, clock, linkParties } = this.parts;
    if (await store.isAssessed(event.contributionId)) return;
    const datanet = await store.datanet(event.datanetId);
    if (datanet === undefined) {
      throw new DomainError(
        'precondition',
        'DATANET_UNKNOWN',
        `Datanet ${event.datanetId} is not known yet.`,
      );
    }
    const records = await this.read(event);
    const result = records && (await this.assess(event, datanet, records, signal));
    const assessment: Assessment = {
      contributionId: event.contributionId,
      datanetId: event.datanetId,
      contributorId: event.contributorId,
      assessedAt: clock.now(),
      ...(result === undefined ? rejectedWhole(event) : await this.summary(result)),
    };
    await store.once(eventId, async (writes) => {
      await writes.advanceDatanet(datanet.datanetId, datanet.revision, result?.statistics);
      const no = await writes.addAssessment(assessment);
      if (result !== undefined) {
        await writes.addToIndex(result.indexed);
        await writes.addEvidence(no, event.contributorId, result.evidence);
        await linkParties.execute(writes, { eventId, assessment, copies: result.copyCounts });
      }
      const id = derivedId(eventId, topics.contributionAssessed.name);
      await writes.emit(encodeEvent(topics.contributionAssessed, id, toMessage(assessment)));
    });
  }

  /** Undefined when the contribution is larger than what is assessed here. */
  private async read(event: ContributionReceived): Promise<Uint8Array | undefined> {
    const { blobs, limits } = this.parts;
    if (event.recordCount > limits.recordsMax) return undefined;
    try {
      const bytes = await blobs.get(event.recordsBlob, limits.bytesMax);
      return countLines(bytes) > limits.recordsMax ? undefined : bytes;
    } catch (error) {
      if (error instanceof DomainError && error.code === 'BLOB_TOO_LARGE') return undefined;
      throw error;
    }
  }

  private assess(
    event: ContributionReceived,
    datanet: DatanetState,
    records: Uint8Array,
    signal: AbortSignal,
  ): Promise<AssessmentResult> {
    const { assessor, limits, store } = this.parts;
    const { contributionId, datanetId, contributorId } = event;
    const facts = {
      contributionId,
      datanetId,
      contributorId,
      schema: datanet.schema,
      qualityMin: limits.qualityMin,
    };
    const { terms, termTexts } = datanet;
    return assessor.assess(
      { facts, records, terms, termTexts },
      (questions) => store.lookUp(questions),
      signal,
    );
  }

  private async summary(result: AssessmentResult) {
    const { blobs } = this.parts;
    const { verdict, counts, reasons, acceptedLines, verdictLines } = result;
    const acceptedBlob = acceptedLines.length === 0 ? '' : await blobs.put(acceptedLines);
    const verdictsBlob = verdictLines.length === 0 ? '' : await blobs.put(verdictLines);
    return { verdict, counts, reasons, acceptedBlob, verdictsBlob };
  }
}

function rejectedWhole({ recordCount }: ContributionReceived) {
  return {
    verdict: 'rejected' as const,
    counts: { accepted: 0, quarantined: 0, rejected: recordCount },
    reasons: tally(new Map([['CONTRIBUTION_TOO_LARGE', recordCount]])),
    acceptedBlob: '',
    verdictsBlob: '',
  };
}

const toMessage = (assessment: Assessment): ContributionAssessed =>
  ContributionAssessed.create({
    contributionId: assessment.contributionId,
    datanetId: assessment.datanetId,
    contributorId: assessment.contributorId,
    verdict: VERDICTS[assessment.verdict],
    reasons: assessment.reasons.map((reason) => ({ ...reason })),
    acceptedCount: assessment.counts.accepted,
    rejectedCount: assessment.counts.rejected,
    quarantinedCount: assessment.counts.quarantined,
    acceptedBlob: assessment.acceptedBlob,
    verdictsBlob: assessment.verdictsBlob,
    assessedAt: assessment.assessedAt,
  });
