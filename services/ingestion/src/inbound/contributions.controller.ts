import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { Authenticated, Caller, type Principal, RequireScope } from '@openledger/auth';
import { isId } from '@openledger/kernel';
import { pageLimit, pageStart, parse } from '@openledger/service-host';
import { z } from 'zod';
import { type Contribution, IngestionStore } from '../application/ports.js';
import { ReadVerdicts } from '../application/read-verdicts.js';
import { owned, SignContribution } from '../application/sign-contribution.js';
import { ContributionView } from './contribution-view.js';

const SignatureBody = z.strictObject({ signature: z.string().max(1_024).optional() });

const VerdictsQuery = z.strictObject({
  /** Index of the first record. */
  from: pageStart,
  limit: pageLimit(500, 100),
});

/** Contributions as their contributors see them. */
@Controller('contributions')
export class ContributionsController {
  constructor(
    @Inject(IngestionStore) private readonly store: IngestionStore,
    @Inject(SignContribution) private readonly sign: SignContribution,
    @Inject(ReadVerdicts) private readonly readVerdicts: ReadVerdicts,
    @Inject(ContributionView) private readonly view: ContributionView,
  ) {}

  @RequireScope('contributions:write')
  @Post(':id/signature')
  @HttpCode(200)
  async signature(@Param('id') id: string, @Body() body: unknown, @Caller() caller: Principal) {
    await this.own(id, caller);
    const { signature } = parse(SignatureBody, body ?? {});
    return this.view.of(await this.sign.run(id, signature, caller.personId));
  }

  @Authenticated()
  @Get(':id')
  async read(@Param('id') id: string, @Caller() caller: Principal) {
    return this.view.of(await this.own(id, caller));
  }

  /** What validation found, record by record. */
  @Authenticated()
  @Get(':id/verdicts')
  async verdicts(@Param('id') id: string, @Query() query: unknown, @Caller() caller: Principal) {
    return this.readVerdicts.run(await this.own(id, caller), parse(VerdictsQuery, query));
  }

  private async own(id: string, caller: Principal): Promise<Contribution> {
    return owned(isId(id) ? await this.store.findContribution(id) : undefined, caller.personId);
  }
}
