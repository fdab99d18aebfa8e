import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { Authenticated, Caller, organisationOf, type Principal, RequireScope } from '@openledger/auth';
import { DomainError } from '@openledger/kernel';
import { nextAfter, pageLimit, parse } from '@openledger/service-host';
import { z } from 'zod';
import type { Run } from '../application/ports.js';
import { NewRun } from './new-run.js';
import { TrainingUseCases } from './use-cases.js';

const PAGE_MAX = 100;
const PageQuery = z.strictObject({ after: z.uuid().optional(), limit: pageLimit(PAGE_MAX) });

@Controller('training-runs')
export class TrainingRunsController {
  constructor(private readonly use: TrainingUseCases) {}

  @RequireScope('training:write')
  @Post()
  @HttpCode(202)
  async create(@Caller() caller: Principal, @Body() body: unknown) {
    return toJson(await this.use.createRun.run(organisationOf(caller), parse(NewRun, body)));
  }

  @Authenticated()
  @Get()
  async list(@Caller() caller: Principal, @Query() query: unknown) {
    const page = parse(PageQuery, query);
    const runs = await this.use.store.runsOf(organisationOf(caller), page);
    return { runs: runs.map(toJson), next: nextAfter(runs, page.limit, ({ id }) => id) };
  }

  @Authenticated()
  @Get(':id')
  async get(@Caller() caller: Principal, @Param('id') id: string) {
    return toJson(await this.owned(caller, id));
  }

  @RequireScope('training:write')
  @Post(':id/cancel')
  @HttpCode(202)
  async cancel(@Caller() caller: Principal, @Param('id') id: string) {
    await this.owned(caller, id);
    await this.use.runs.cancel(id);
    return toJson(await this.owned(caller, id));
  }

  private async owned(caller: Principal, id: string): Promise<Run> {
    const run = parse(z.uuid(), id) && (await this.use.store.run(id));
    if (!run || run.organisationId !== organisationOf(caller)) {
      throw new DomainError('not-found', 'RUN_UNKNOWN', `There is no run ${id} of yours.`);
    }
    return run;
  }
}

const toJson = (run: Run) => ({
  id: run.id,
  modelId: run.modelId,
  modelName: run.plan.modelName,
  status: run.status,
  progress: run.progress,
  evaluation: run.evaluation,
  adapterDigest: run.adapterDigest,
  failure: run.failure,
  plan: run.plan,
  createdAt: run.createdAt.toISOString(),
});
