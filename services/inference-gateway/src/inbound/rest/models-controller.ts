import { Controller, Get, Param, Query } from '@nestjs/common';
import { Authenticated } from '@openledger/auth';
import { pageLimit, parse } from '@openledger/service-host';
import { z } from 'zod';
import { ModelCatalogue } from '../../application/model-catalogue.js';
import type { ServableModel } from '../../domain/model.js';

const PageQuery = z.object({
  // OpenAI's own list has no pages, so its clients ask for the first one alone.
  limit: pageLimit(1_000),
  after: z.string().max(512).optional(),
});

@Controller('v1/models')
export class ModelsController {
  constructor(private readonly catalogue: ModelCatalogue) {}

  @Get()
  @Authenticated()
  async list(@Query() query: unknown) {
    const { limit, after } = parse(PageQuery, query);
    const { models, hasMore } = await this.catalogue.list(limit, after);
    return {
      object: 'list',
      data: models.map(toItem),
      has_more: hasMore,
      first_id: models[0]?.name ?? null,
      last_id: models.at(-1)?.name ?? null,
    };
  }

  @Get(':id')
  @Authenticated()
  async get(@Param('id') id: string) {
    return toItem(await this.catalogue.find(id));
  }
}

/** `parent` is the base of an adapter and `root` what is served in the end, as vLLM has it. */
const toItem = ({ name, deployedAt, ownedBy, adapter, baseName }: ServableModel) => ({
  id: name,
  object: 'model',
  created: Math.floor(deployedAt.getTime() / 1_000),
  owned_by: ownedBy === '' ? 'openledger' : ownedBy,
  root: adapter ? `${name}@${adapter.digest}` : name,
  parent: adapter ? baseName : null,
});
