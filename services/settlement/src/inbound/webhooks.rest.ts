import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { Authenticated, Caller, type Principal } from '@openledger/auth';
import { pageLimit, parse } from '@openledger/service-host';
import { z } from 'zod';
import { ManageWebhooks } from '../application/webhooks/manage-webhooks.js';
import type { WebhookEndpoint } from '../application/webhooks/webhook-ports.js';
import { WEBHOOK_TYPES } from '../domain/webhooks/webhook.js';

const URL_CHARACTERS_MAX = 2_000;
const DELIVERIES_PAGE = 100;

const NewWebhook = z.strictObject({
  url: z.url().max(URL_CHARACTERS_MAX),
  types: z
    .array(z.enum(WEBHOOK_TYPES))
    .min(1)
    .transform((types) => [...new Set(types)]),
});
const Replay = z.strictObject({ since: z.iso.datetime().transform((text) => new Date(text)) });
const DeliveriesPage = z.object({ limit: pageLimit(DELIVERIES_PAGE) });

/** An organisation's endpoints, or a person's who acts for nobody else. */
const ownerOf = (caller: Principal): string => caller.organisationId ?? caller.personId;

/** Where settlement's events are sent to, by the Standard Webhooks specification. */
@Controller('settlement/webhooks')
@Authenticated()
export class WebhooksController {
  constructor(@Inject(ManageWebhooks) private readonly webhooks: ManageWebhooks) {}

  /** The secret is shown here and never again. */
  @Post()
  async create(@Body() body: unknown, @Caller() caller: Principal) {
    const endpoint = await this.webhooks.create(ownerOf(caller), parse(NewWebhook, body));
    return { ...view(endpoint), secret: endpoint.secrets[0] };
  }

  @Get()
  async list(@Caller() caller: Principal) {
    return { webhooks: (await this.webhooks.list(ownerOf(caller))).map(view) };
  }

  @Delete(':id')
  @HttpCode(204)
  async delete(@Param('id') id: string, @Caller() caller: Principal) {
    await this.webhooks.delete(ownerOf(caller), id);
  }

  @Post(':id/secret')
  async rotate(@Param('id') id: string, @Caller() caller: Principal) {
    return { secret: await this.webhooks.rotate(ownerOf(caller), id) };
  }

  @Post(':id/enable')
  @HttpCode(204)
  async enable(@Param('id') id: string, @Caller() caller: Principal) {
    await this.webhooks.enable(ownerOf(caller), id);
  }

  @Post(':id/test')
  @HttpCode(202)
  async test(@Param('id') id: string, @Caller() caller: Principal) {
    return { messageId: await this.webhooks.test(ownerOf(caller), id) };
  }

  @Get(':id/deliveries')
  async deliveries(@Param('id') id: string, @Query() query: unknown, @Caller() caller: Principal) {
    const { limit } = parse(DeliveriesPage, query);
    return { deliveries: await this.webhooks.deliveries(ownerOf(caller), id, limit) };
  }

  @Post(':id/replay')
  @HttpCode(202)
  async replay(@Param('id') id: string, @Body() body: unknown, @Caller() caller: Principal) {
    return { queued: await this.webhooks.replay(ownerOf(caller), id, parse(Replay, body).since) };
  }
}

const view = ({ secrets: _, ownerId: __, ...shown }: WebhookEndpoint) => shown;
