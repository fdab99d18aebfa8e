import { Controller, Get, Inject, Query } from '@nestjs/common';
import { Public } from '@openledger/auth';
import { parse } from '@openledger/service-host';
import { z } from 'zod';
import { AnchorQueries } from '../application/epochs/anchor-ports.js';

const LIMIT_MAX = 1_000;
const Page = z.object({ limit: z.coerce.number().int().min(1).max(LIMIT_MAX).default(100) });

/** Where manifests are anchored, for everybody. */
@Controller('settlement')
export class AnchorsController {
  constructor(@Inject(AnchorQueries) private readonly queries: AnchorQueries) {}

  /** Newest first. Ledger epochs `from` to `to`, both included, are under the root. */
  @Get('anchors')
  @Public()
  async anchors(@Query() query: unknown) {
    return { anchors: await this.queries.anchors(parse(Page, query).limit) };
  }
}
