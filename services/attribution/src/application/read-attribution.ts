import { DomainError } from '@openledger/kernel';
import type {
  AnswerStatus,
  AttributionStore,
  Evidence,
  EvidenceReader,
  ScoredAnswer,
  VersionStatus,
} from './ports.js';

/** Who asks. */
export interface Reader {
  readonly personId: string;
  readonly organisationId?: string;
}

export interface ReadAnswer {
  readonly answer: AnswerStatus;
  readonly score: ScoredAnswer;
  readonly evidence: Evidence;
}

/** Shows an answer's attribution to who paid for it and to who earns from it. */
export class ReadAttribution {
  constructor(
    private readonly store: AttributionStore,
    private readonly evidence: EvidenceReader,
  ) {}

  /** @throws DomainError ATTRIBUTION_UNKNOWN, ATTRIBUTION_PENDING, ATTRIBUTION_FAILED */
  async answer(requestId: string, reader: Reader): Promise<ReadAnswer> {
    const answer = await this.store.answer(requestId);
    if (!answer || !mayRead(answer, reader)) {
      const message = `There is no answer ${requestId} that you paid for or earn from.`;
      throw new DomainError('not-found', 'ATTRIBUTION_UNKNOWN', message);
    }
    if (answer.state === 'failed') {
      const message = `The answer ${requestId} could not be attributed. ${answer.failure}`;
      throw new DomainError('conflict', 'ATTRIBUTION_FAILED', message);
    }
    if (!answer.result) {
      const message = `The answer ${requestId} is not attributed yet: ask again in a few seconds.`;
      throw new DomainError('not-found', 'ATTRIBUTION_PENDING', message);
    }
    return { answer, score: answer.result, evidence: await this.evidence.read(answer.result.evidenceBlob) };
  }

  /** @throws DomainError MODEL_UNKNOWN */
  async model(modelId: string): Promise<VersionStatus> {
    const version = await this.store.versionOf(modelId);
    if (version) return version;
    throw new DomainError('not-found', 'MODEL_UNKNOWN', `There is no deployed model ${modelId}.`);
  }
}

function mayRead({ payerOrganisationId, result }: AnswerStatus, reader: Reader): boolean {
  if (reader.organisationId === payerOrganisationId) return true;
  return (result?.contributors ?? []).some(
    ({ contributorId, influencePpb, basePpb }) =>
      contributorId === reader.personId && (influencePpb > 0 || basePpb > 0),
  );
}
