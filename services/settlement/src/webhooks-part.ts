import { topics } from '@openledger/contracts';
import { on, onBatch } from '@openledger/service-host';
import { DeliverWebhooks } from './application/webhooks/deliver-webhooks.js';
import { ManageWebhooks } from './application/webhooks/manage-webhooks.js';
import { PublishWebhooks } from './application/webhooks/publish-webhooks.js';
import { WebhooksController } from './inbound/webhooks.rest.js';
import { HttpWebhookSender } from './outbound/webhooks/http-webhook-sender.js';
import { PostgresWebhooks } from './outbound/webhooks/postgres-webhooks.js';
import type { Base, Part } from './part.js';

const DELIVER_EVERY_MS = 500;
const FORGET_EVERY_MS = 60_000;

/** Tells those whom it concerns, over HTTP. */
export function webhooksPart({ host, config }: Base): Part {
  const store = new PostgresWebhooks(host.database);
  const sender = new HttpWebhookSender({ allowInternal: config.SETTLEMENT_WEBHOOKS_INTERNAL });
  const publish = new PublishWebhooks(store);
  const deliver = new DeliverWebhooks(store, sender, Math.random);
  const now = () => host.clock.now();
  return {
    controllers: [WebhooksController],
    providers: [{ provide: ManageWebhooks, useValue: new ManageWebhooks(store, sender, host.clock) }],
    handlers: [
      onBatch(topics.settlementCredited, (arrived) =>
        publish.credited(
          arrived.map(({ event, record }) => ({ eventId: record.id, event, occurredAt: record.occurredAt })),
        ),
      ),
      on(topics.settlementPaid, (event, { id, occurredAt }) => publish.paid(id, event, occurredAt)),
      on(topics.settlementRefunded, (event, { id, occurredAt }) => publish.refunded(id, event, occurredAt)),
      on(topics.budgetAlert, (event, { id, occurredAt }) => publish.budgetAlert(id, event, occurredAt)),
      on(topics.epochClosed, (event, { id, occurredAt }) => publish.epochClosed(id, event, occurredAt)),
    ],
    loops: [
      {
        name: 'deliver webhooks',
        everyMs: DELIVER_EVERY_MS,
        work: async () => {
          while ((await deliver.pass(now)) > 0);
        },
      },
      { name: 'forget webhooks', everyMs: FORGET_EVERY_MS, work: () => deliver.forget(now()) },
    ],
  };
}
