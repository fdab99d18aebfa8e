import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import { Public } from '@openledger/auth';
import { pageLimit, parse } from '@openledger/service-host';
import { z } from 'zod';
import { ReadParties } from '../application/read-parties.js';

const limit = pageLimit(500, 100);
const PartiesPage = z.object({ after: z.string().max(100).optional(), limit });
const EvidencePage = z.object({ after: z.coerce.number().int().min(0).max(2_147_483_647).default(0), limit });

@Controller('parties')
export class PartiesController {
  constructor(@Inject(ReadParties) private readonly readParties: ReadParties) {}

  @Get()
  @Public()
  async list(@Query() query: unknown) {
    const page = parse(PartiesPage, query);
    const parties = await this.readParties.list(page);
    const last = parties.at(-1);
    return { parties, ...(last && parties.length === page.limit ? { nextAfter: last.partyId } : {}) };
  }

  @Get(':partyId')
  @Public()
  async one(@Param('partyId') partyId: string, @Query() query: unknown) {
    const page = parse(EvidencePage, query);
    const { party, evidence } = await this.readParties.one(partyId, page);
    const last = evidence.at(-1);
    const more = last && evidence.length === page.limit ? { nextAfter: last.no } : {};
    return { ...party, evidence, ...more };
  }
}
