import { Controller, Get, Inject, Query } from '@nestjs/common';
import { Public, RequireScope } from '@openledger/auth';
import { pageLimit, parse } from '@openledger/service-host';
import { z } from 'zod';
import { LedgerQueries } from '../application/ledger/ledger-queries.js';
import { VerifyChain } from '../application/ledger/verify-chain.js';

const BLOCKS_PAGE = 100;
const VERIFIED_MAX = 1_000;
const blockNumber = z.coerce.number().int().positive();
const BlocksPage = z.object({
  before: blockNumber.default(Number.MAX_SAFE_INTEGER),
  limit: pageLimit(BLOCKS_PAGE),
});
const Range = z.object({
  from: blockNumber.default(1),
  limit: z.coerce.number().int().min(1).max(VERIFIED_MAX).default(VERIFIED_MAX),
});

/** The sealed chain of the ledger. */
@Controller('settlement/ledger')
export class LedgerController {
  constructor(
    @Inject(LedgerQueries) private readonly queries: LedgerQueries,
    @Inject(VerifyChain) private readonly verifyChain: VerifyChain,
  ) {}

  /** Hashes alone: whoever keeps one can tell later whether what it stands for was changed. */
  @Get('blocks')
  @Public()
  async blocks(@Query() query: unknown) {
    const { before, limit } = parse(BlocksPage, query);
    return { blocks: await this.queries.blocks(before, limit) };
  }

  @Get('verification')
  @RequireScope('settlement:operate')
  async verification(@Query() query: unknown) {
    const { from, limit } = parse(Range, query);
    const found = await this.verifyChain.run(from, limit);
    return { ...found, intact: found.broken === undefined && found.driftedAccounts.length === 0 };
  }
}
