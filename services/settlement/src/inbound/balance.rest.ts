import { Controller, Get, Inject, Query } from '@nestjs/common';
import { Caller, organisationOf, type Principal, RequireScope } from '@openledger/auth';
import { parse } from '@openledger/service-host';
import { z } from 'zod';
import { PastBalance } from '../application/ledger/past-balance.js';
import { ReadBalance } from '../application/prepaid/read-balance.js';
import { SettlementView } from './settlement-view.js';

const BalanceTime = z.object({
  at: z.iso
    .datetime()
    .transform((text) => new Date(text))
    .optional(),
});

/** What the caller's organisation has. */
@Controller('settlement/balance')
export class BalanceController {
  constructor(
    @Inject(ReadBalance) private readonly readBalance: ReadBalance,
    @Inject(PastBalance) private readonly pastBalance: PastBalance,
    @Inject(SettlementView) private readonly view: SettlementView,
  ) {}

  /** Now, or at a time in the past. */
  @Get()
  @RequireScope('balance:read')
  async balance(@Caller() caller: Principal, @Query() query: unknown) {
    const organisationId = organisationOf(caller);
    const { at } = parse(BalanceTime, query);
    const now = this.view.now();
    if (!at) return this.view.balance(organisationId, await this.readBalance.run(organisationId, now));
    return { ...this.view.balance(organisationId, await this.pastBalance.run(organisationId, at, now)), at };
  }
}
