import { Body, Controller, Get, Inject, Param, Post, Query } from '@nestjs/common';
import { Caller, organisationOf, type Principal, Public, RequireScope } from '@openledger/auth';
import { RECORD_CHARACTERS_MAX } from '@openledger/kernel';
import { parse } from '@openledger/service-host';
import { z } from 'zod';
import { CreateDatanet } from '../application/create-datanet.js';
import { type Contribution, type Datanet, IngestionStore } from '../application/ports.js';
import { datanetUnknown } from '../application/upload-contribution.js';
import { PageQuery, page } from './paging.js';

const characters = z.number().int().min(1).max(RECORD_CHARACTERS_MAX);

const DatanetBody = z.strictObject({
  name: z.string().trim().min(1).max(120),
  domain: z.string().trim().min(1).max(60),
  licence: z.string().trim().min(1, 'name a licence of the SPDX list'),
  schema: z
    .strictObject({
      kind: z.enum(['instruction', 'text']),
      minCharacters: characters,
      maxCharacters: characters,
    })
    .refine((schema) => schema.minCharacters <= schema.maxCharacters, 'minCharacters exceeds maxCharacters'),
  permissions: z.strictObject({ training: z.boolean(), commercialUse: z.boolean() }),
});

@Controller('datanets')
export class DatanetsController {
  constructor(
    @Inject(IngestionStore) private readonly store: IngestionStore,
    @Inject(CreateDatanet) private readonly createDatanet: CreateDatanet,
  ) {}

  @RequireScope('datanets:write')
  @Post()
  async create(@Body() body: unknown, @Caller() caller: Principal) {
    const owner = { personId: caller.personId, organisationId: organisationOf(caller) };
    return shown(await this.createDatanet.run(parse(DatanetBody, body), owner));
  }

  @Public()
  @Get()
  async list(@Query() query: unknown) {
    const asked = parse(PageQuery, query);
    return page(await this.store.listDatanets(asked), asked.limit, shown, ({ datanetId }) => datanetId);
  }

  @Public()
  @Get(':id')
  async read(@Param('id') id: string) {
    return shown(await this.find(id));
  }

  /** Signed contributions, as anybody may see them. */
  @Public()
  @Get(':id/contributions')
  async contributions(@Param('id') id: string, @Query() query: unknown) {
    const asked = parse(PageQuery, query);
    const { datanetId } = await this.find(id);
    const found = await this.store.listContributions(datanetId, asked);
    return page(found, asked.limit, summary, ({ contributionId }) => contributionId);
  }

  private async find(id: string): Promise<Datanet> {
    const datanet = z.uuid().safeParse(id).success ? await this.store.findDatanet(id) : undefined;
    if (datanet === undefined) throw datanetUnknown(id.slice(0, 80));
    return datanet;
  }
}

const shown = ({ ownerPersonId: _, ...datanet }: Datanet) => datanet;

const summary = (contribution: Contribution) => ({
  contributionId: contribution.contributionId,
  contributorId: contribution.contributorId,
  status: contribution.status,
  licence: contribution.licence,
  recordCount: contribution.recordCount,
  merkleRoot: contribution.merkleRoot,
  receivedAt: contribution.receivedAt ?? null,
  acceptedCount: contribution.assessment?.acceptedCount ?? null,
});
