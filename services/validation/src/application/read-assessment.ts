import { DomainError, jsonLinesBetween } from '@openledger/kernel';
import type { AssessedRecord } from '../domain/assessment/verdict.js';
import type { Assessment, Blobs } from './ports.js';
import type { ReadModels } from './read-models.js';

export interface AssessmentView {
  readonly assessment: Assessment;
  /** For the contributor alone: the verdicts of a page of records. */
  readonly records?: readonly AssessedRecord[];
}

/** Everybody with an account sees the summary; the contributor sees every record's reasons too. */
export class ReadAssessment {
  constructor(
    private readonly models: ReadModels,
    private readonly blobs: Blobs,
  ) {}

  /** @throws DomainError ASSESSMENT_UNKNOWN */
  async execute(
    contributionId: string,
    readerId: string,
    page: { from: number; limit: number },
  ): Promise<AssessmentView> {
    const assessment = await this.models.assessment(contributionId);
    if (assessment === undefined) {
      const message = 'There is no assessment of this contribution yet: try again in a moment.';
      throw new DomainError('not-found', 'ASSESSMENT_UNKNOWN', message);
    }
    if (assessment.contributorId !== readerId) return { assessment };
    if (assessment.verdictsBlob === '') return { assessment, records: [] };
    const bytes = await this.blobs.get(assessment.verdictsBlob);
    return { assessment, records: jsonLinesBetween(bytes, page) as AssessedRecord[] };
  }
}
