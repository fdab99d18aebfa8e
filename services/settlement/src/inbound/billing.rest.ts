import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Post, Put } from '@nestjs/common';
import { Caller, organisationOf, type Principal, RequireScope } from '@openledger/auth';
import { DomainError } from '@openledger/kernel';
import { parse } from '@openledger/service-host';
import { z } from 'zod';
import {
  BillingQueries,
  type BudgetReport,
  type FreeTierReport,
} from '../application/billing/billing-queries.js';
import { FreeTiers } from '../application/billing/grant-free-tier.js';
import { SetBudget } from '../application/billing/set-budget.js';
import { DEFAULT_ALERT_PERCENTS, leftOf } from '../domain/billing/budget.js';
import { checkSponsor } from '../domain/billing/free-tier.js';
import { monthOf, nextMonth } from '../domain/billing/month.js';
import { positiveWei, weiText } from './amounts.js';
import { SettlementView } from './settlement-view.js';

const ALERTS_MAX = 10;

const NewBudget = z.strictObject({
  monthlyWei: weiText,
  alertPercents: z
    .array(z.int().min(1).max(100))
    .max(ALERTS_MAX)
    .default([...DEFAULT_ALERT_PERCENTS])
    .transform((percents) => [...new Set(percents)].toSorted((a, b) => a - b)),
});
const NewFreeTier = z.strictObject({ sponsor: z.string(), monthlyWei: weiText });
const NewFunding = z.strictObject({ id: z.uuid().toLowerCase(), amountWei: positiveWei });

/** Budgets and free tiers. Amounts are decimal strings of wei. */
@Controller('settlement')
export class BillingController {
  constructor(
    @Inject(BillingQueries) private readonly queries: BillingQueries,
    @Inject(SetBudget) private readonly setBudget: SetBudget,
    @Inject(FreeTiers) private readonly freeTiers: FreeTiers,
    @Inject(SettlementView) private readonly view: SettlementView,
  ) {}

  @Get('budget')
  @RequireScope('balance:read')
  async budget(@Caller() caller: Principal) {
    const now = this.view.now();
    const report = await this.queries.budget(organisationOf(caller), monthOf(now));
    if (report) return budgetView(report, now);
    const message = 'This organisation has no budget: set one with PUT /settlement/budget.';
    throw new DomainError('not-found', 'BUDGET_NOT_SET', message);
  }

  @Put('budget')
  @RequireScope('organisations:write')
  async putBudget(@Body() body: unknown, @Caller() caller: Principal) {
    const organisationId = organisationOf(caller);
    await this.setBudget.set({ organisationId, ...parse(NewBudget, body) }, this.view.now());
    return this.budget(caller);
  }

  @Delete('budget')
  @HttpCode(204)
  @RequireScope('organisations:write')
  async liftBudget(@Caller() caller: Principal) {
    await this.setBudget.lift(organisationOf(caller));
  }

  @Get('free-tier')
  @RequireScope('balance:read')
  async freeTier(@Caller() caller: Principal) {
    const report = await this.queries.freeTier(organisationOf(caller));
    if (report) return freeTierView(report);
    throw new DomainError('not-found', 'FREE_TIER_NONE', 'This organisation has no free tier.');
  }

  @Put('free-tiers/:organisationId')
  @RequireScope('settlement:operate')
  async putFreeTier(@Param('organisationId') id: string, @Body() body: unknown, @Caller() caller: Principal) {
    this.view.checkOperator(caller);
    const organisationId = parse(z.uuid(), id);
    await this.freeTiers.set({ organisationId, ...parse(NewFreeTier, body) }, this.view.now());
    const report = await this.queries.freeTier(organisationId);
    return report && freeTierView(report);
  }

  @Get('sponsors/:name')
  @RequireScope('settlement:operate')
  async sponsor(@Param('name') name: string) {
    return { sponsor: name, availableWei: (await this.queries.sponsorWei(checkSponsor(name))).toString() };
  }

  /** From what the operator's organisation has prepaid. */
  @Post('sponsors/:name/funding')
  @HttpCode(200)
  @RequireScope('settlement:operate')
  async fundSponsor(@Param('name') sponsor: string, @Body() body: unknown, @Caller() caller: Principal) {
    this.view.checkOperator(caller);
    await this.freeTiers.fund({
      sponsor,
      organisationId: organisationOf(caller),
      ...parse(NewFunding, body),
    });
    return this.sponsor(sponsor);
  }
}

const budgetView = ({ budget, toldPercents, ...use }: BudgetReport, now: Date) => ({
  month: monthOf(now),
  resetsAt: nextMonth(now),
  monthlyWei: budget.monthlyWei.toString(),
  spentWei: use.spentWei.toString(),
  setAsideWei: use.setAsideWei.toString(),
  leftWei: leftOf(budget, use).toString(),
  alertPercents: budget.alertPercents,
  toldPercents,
});

const freeTierView = ({ tier, grant }: FreeTierReport) => ({
  sponsor: tier.sponsor,
  monthlyWei: tier.monthlyWei.toString(),
  grant: grant && {
    month: grant.month,
    amountWei: grant.amountWei.toString(),
    unspentWei: grant.unspentWei.toString(),
  },
});
