import { Controller, Get, Param, Query } from '@nestjs/common';
import { Public } from '@openledger/auth';
import { DomainError } from '@openledger/kernel';
import { nextAfter, pageLimit, pageStart, parse } from '@openledger/service-host';
import { z } from 'zod';
import type { DeployedVersion, LineageReader } from '../application/ports.js';
import { TrainingUseCases } from './use-cases.js';

const PAGE_MAX = 100;
const ModelsQuery = z.strictObject({
  after: z.string().max(512).optional(),
  limit: pageLimit(PAGE_MAX),
});

@Controller('models')
export class ModelsController {
  constructor(private readonly use: TrainingUseCases) {}

  @Public()
  @Get()
  async list(@Query() query: unknown) {
    const page = parse(ModelsQuery, query);
    const models = await this.use.store.models(page);
    return { models, next: nextAfter(models, page.limit, ({ name }) => name) };
  }

  @Public()
  @Get(':id')
  async get(@Param('id') id: string) {
    const { modelId, lineageBlob: _lineage, ...shown } = await this.deployed(id);
    return { id: modelId, ...shown };
  }

  /** Exactly the records that the deployed adapter was trained on, by id and contributor. */
  @Public()
  @Get(':id/lineage')
  async lineage(@Param('id') id: string, @Query() query: unknown) {
    const page = parse(
      z.object({
        offset: pageStart,
        limit: pageLimit(PAGE_MAX),
      }),
      query,
    );
    return lineagePage(this.use.lineage, await this.deployed(id), page);
  }

  private async deployed(id: string): Promise<DeployedVersion> {
    const version = parse(z.uuid(), id) && (await this.use.store.deployed(id));
    if (!version) throw new DomainError('not-found', 'MODEL_UNKNOWN', `There is no deployed model ${id}.`);
    return version;
  }
}

interface Page {
  readonly offset: number;
  readonly limit: number;
}

async function lineagePage(
  lineage: LineageReader,
  { lineageBlob }: DeployedVersion,
  { offset, limit }: Page,
) {
  if (lineageBlob === undefined) return { total: 0, offset, records: [] };
  const { total, records } = await lineage.read(lineageBlob, offset, limit);
  return {
    total,
    offset,
    records: records.map(({ prompt: _prompt, completion: _completion, ...shown }) => shown),
  };
}
