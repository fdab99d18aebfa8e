import { Body, Controller, Delete, Inject, Param, Query } from '@nestjs/common';
import { Caller, type Principal, RequireScope } from '@openledger/auth';
import { isId } from '@openledger/kernel';
import { parse } from '@openledger/service-host';
import { z } from 'zod';
import { IngestionStore } from '../application/ports.js';
import { owned } from '../application/sign-contribution.js';
import { WithdrawContribution } from '../application/withdraw-contribution.js';
import { ContributionView } from './contribution-view.js';

const REASON_CHARACTERS_MAX = 1_000;
const Reason = z.strictObject({
  // Postgres has no U+0000.
  reason: z
    .string()
    .max(REASON_CHARACTERS_MAX)
    .regex(/^[^\0]*$/)
    .optional(),
});

/** Contributors take their contributions back. */
@Controller('contributions')
export class WithdrawalsController {
  constructor(
    @Inject(IngestionStore) private readonly store: IngestionStore,
    @Inject(WithdrawContribution) private readonly withdraw: WithdrawContribution,
    @Inject(ContributionView) private readonly view: ContributionView,
  ) {}

  /** The reason may stand in the query or in the body. */
  @RequireScope('contributions:write')
  @Delete(':id')
  async remove(
    @Param('id') id: string,
    @Query() query: unknown,
    @Body() body: unknown,
    @Caller() caller: Principal,
  ) {
    owned(isId(id) ? await this.store.findContribution(id) : undefined, caller.personId);
    const given = parse(Reason, body ?? {}).reason ?? parse(Reason, query).reason ?? '';
    return this.view.of(await this.withdraw.run(id, given.trim(), caller.personId));
  }
}
