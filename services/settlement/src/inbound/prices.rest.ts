import { Body, Controller, Get, Inject, Param, Post, Query } from '@nestjs/common';
import { Caller, organisationOf, type Principal, Public, RequireScope } from '@openledger/auth';
import { fromPrice, toPrice } from '@openledger/contracts';
import { pageLimit, parse } from '@openledger/service-host';
import { z } from 'zod';
import { AnnouncePrice } from '../application/billing/announce-price.js';
import { BillingQueries } from '../application/billing/billing-queries.js';
import { modelNotDeployed } from '../application/prepaid/hold-balance.js';
import { type PriceVersion, versionAfter, versionAt } from '../domain/billing/price.js';
import { SettlementView } from './settlement-view.js';

const VERSIONS_PAGE = 1_000;
const VERSIONS_PAGE_DEFAULT = 100;

/** 1e30 is a thousand times the whole supply for every token. */
const weiPerMillion = z.string().regex(/^\d{1,30}$/, 'a whole number of wei, not negative, as a string');

const NewPrice = z.strictObject({
  promptWeiPerMillion: weiPerMillion,
  cachedPromptWeiPerMillion: weiPerMillion.optional(),
  completionWeiPerMillion: weiPerMillion,
  effectiveAt: z.iso
    .datetime({ offset: true })
    .transform((text) => new Date(text))
    .optional(),
});

const VersionsPage = z.object({ limit: pageLimit(VERSIONS_PAGE, VERSIONS_PAGE_DEFAULT) });

/** What tokens of a model cost, cost once and are going to cost. */
@Controller('settlement/prices')
export class PricesController {
  constructor(
    @Inject(BillingQueries) private readonly queries: BillingQueries,
    @Inject(AnnouncePrice) private readonly announcePrice: AnnouncePrice,
    @Inject(SettlementView) private readonly view: SettlementView,
  ) {}

  /** The last to take effect first. */
  @Get(':modelId')
  @Public()
  async list(@Param('modelId') modelId: string, @Query() query: unknown) {
    const { limit } = parse(VersionsPage, query);
    const versions = await this.queries.prices(modelId);
    if (versions.length === 0) throw modelNotDeployed(modelId);
    const now = this.view.now();
    const latestFirst = versions.toSorted(
      (a, b) => b.effectiveAt.getTime() - a.effectiveAt.getTime() || b.number - a.number,
    );
    return {
      modelId,
      inForce: versionAt(versions, now)?.number,
      next: versionAfter(versions, now)?.number,
      versions: latestFirst.slice(0, limit).map(viewOf),
    };
  }

  /** Takes effect when it says, or as soon as the notice allows. */
  @Post(':modelId')
  @RequireScope('training:write')
  async announce(@Param('modelId') modelId: string, @Body() body: unknown, @Caller() caller: Principal) {
    const { effectiveAt, ...price } = parse(NewPrice, body);
    const announcement = {
      modelId,
      price: toPrice(price),
      organisationId: organisationOf(caller),
      personId: caller.personId,
      ...(effectiveAt ? { effectiveAt } : {}),
    };
    return viewOf(await this.announcePrice.run(announcement, this.view.now()));
  }
}

const viewOf = ({ number, price, effectiveAt, announcedAt }: PriceVersion) => ({
  number,
  ...fromPrice(price),
  effectiveAt,
  announcedAt,
});
