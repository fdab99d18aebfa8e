import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import { Authenticated, Caller, type Principal } from '@openledger/auth';
import { pageLimit, pageStart, parse } from '@openledger/service-host';
import { z } from 'zod';
import type { Assessment } from '../application/ports.js';
import { ReadAssessment } from '../application/read-assessment.js';

const RecordsPage = z.object({
  from: pageStart,
  limit: pageLimit(500, 100),
});

@Controller('assessments')
export class AssessmentsController {
  constructor(@Inject(ReadAssessment) private readonly readAssessment: ReadAssessment) {}

  @Get(':contributionId')
  @Authenticated()
  async one(
    @Param('contributionId') contributionId: string,
    @Query() query: unknown,
    @Caller() caller: Principal,
  ) {
    const page = parse(RecordsPage, query);
    const { assessment, records } = await this.readAssessment.execute(contributionId, caller.personId, page);
    const summary = summaryBody(assessment);
    if (records === undefined) return summary;
    const next = page.from + records.length;
    const more = next < totalOf(assessment) && records.length > 0 ? { nextFrom: next } : {};
    return { ...summary, verdictsBlob: assessment.verdictsBlob, records, ...more };
  }
}

const totalOf = ({ counts }: Assessment): number => counts.accepted + counts.quarantined + counts.rejected;

const summaryBody = (assessment: Assessment) => ({
  contributionId: assessment.contributionId,
  datanetId: assessment.datanetId,
  contributorId: assessment.contributorId,
  verdict: assessment.verdict,
  counts: assessment.counts,
  reasons: assessment.reasons,
  assessedAt: assessment.assessedAt.toISOString(),
});
