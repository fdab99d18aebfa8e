import { Body, Controller, Get, HttpCode, Inject, Param, Post, Put } from '@nestjs/common';
import { Caller, type Principal, Public, RequireScope } from '@openledger/auth';
import { isId } from '@openledger/kernel';
import { parse } from '@openledger/service-host';
import { z } from 'zod';
import { KeepPolicies } from '../application/split/keep-policies.js';
import { SimulatePolicy, type Simulation } from '../application/split/simulate-policy.js';
import { SettlementView } from './settlement-view.js';

const ANSWERS_MAX = 10_000;

const bps = z.int().min(0).max(10_000);
const Node = z.strictObject({ organisationId: z.string().refine(isId, 'an organisation id is a UUID') });
const Proposal = z.strictObject({
  platformBps: bps,
  developerBps: bps,
  stakersBps: bps,
  contributorsBps: bps,
  nodeBps: bps,
  royaltyBps: bps,
  /** Newest answers first, until there are so many. */
  answers: z.int().min(1).max(ANSWERS_MAX).default(1_000),
});

/** How fees are shared: for everybody to see, and for operators to try out before it changes. */
@Controller('settlement')
export class PoliciesController {
  constructor(
    @Inject(KeepPolicies) private readonly policies: KeepPolicies,
    @Inject(SimulatePolicy) private readonly simulate: SimulatePolicy,
    @Inject(SettlementView) private readonly view: SettlementView,
  ) {}

  @Get('policies')
  @Public()
  async all() {
    return { policies: await this.policies.all() };
  }

  /** Splits past answers by other shares. Moves nothing. */
  @Post('policies/simulate')
  @HttpCode(200)
  @RequireScope('settlement:operate')
  async try(@Body() body: unknown, @Caller() caller: Principal) {
    this.view.checkOperator(caller);
    const { answers, ...roles } = parse(Proposal, body);
    return simulationView(await this.simulate.run(roles, answers));
  }

  @Put('nodes/:publicKey')
  @HttpCode(204)
  @RequireScope('settlement:operate')
  async node(@Param('publicKey') publicKey: string, @Body() body: unknown, @Caller() caller: Principal) {
    this.view.checkOperator(caller);
    await this.policies.nodeOf(publicKey, parse(Node, body).organisationId);
  }
}

const simulationView = ({ answers, from, to, feeWei, byRole, byPayee }: Simulation) => ({
  answers,
  from,
  to,
  feeWei: feeWei.toString(),
  byRole: byRole.map(amounts),
  byPayee: byPayee.map(amounts),
});

const amounts = <T extends { paidWei: bigint; proposedWei: bigint }>(line: T) => ({
  ...line,
  paidWei: line.paidWei.toString(),
  proposedWei: line.proposedWei.toString(),
});
