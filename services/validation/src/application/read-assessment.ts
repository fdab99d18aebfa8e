import { DomainError } from '@openledger/kernel';
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
    const lines = linesBetween(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), page);
    return { assessment, records: lines.map((line) => JSON.parse(line) as AssessedRecord) };
  }
}

/** Only the lines of the page are decoded. */
function linesBetween(bytes: Buffer, { from, limit }: { from: number; limit: number }): string[] {
  const lines: string[] = [];
  let start = 0;
  for (let line = 0; start < bytes.length && line < from + limit; line++) {
    const end = bytes.indexOf(0x0a, start);
    const stop = end === -1 ? bytes.length : end;
    if (line >= from) lines.push(bytes.toString('utf8', start, stop));
    start = stop + 1;
  }
  return lines;
}
