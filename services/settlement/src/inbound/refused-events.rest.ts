import { Controller, Get, Inject, Query } from '@nestjs/common';
import { RequireScope } from '@openledger/auth';
import { pageLimit, parse } from '@openledger/service-host';
import { z } from 'zod';
import { RecordUsage } from '../application/metering/record-usage.js';

const PAGE_MAX = 100;
const RefusedPage = z.object({ limit: pageLimit(PAGE_MAX) });

/** What services told twice and differently; for who has to find out why. */
@Controller('settlement/refused-events')
export class RefusedEventsController {
  constructor(@Inject(RecordUsage) private readonly usage: RecordUsage) {}

  /** Newest first; none of them changed anything. */
  @Get()
  @RequireScope('settlement:operate')
  async refused(@Query() query: unknown) {
    return { events: await this.usage.refused(parse(RefusedPage, query).limit) };
  }
}
