import type { EpochClosed, SettlementCredited, SettlementPaid } from '@openledger/contracts';
import { derivedId } from '@openledger/kernel';
import { type WebhookMessage, type WebhookType, webhookBody } from '../domain/webhook.js';
import type { WebhookStore } from './webhook-ports.js';

/** An event of settlement, as it is told outside. */
interface Told {
  readonly eventId: string;
  readonly type: WebhookType;
  readonly occurredAt: Date;
}

/** Turns settlement's events into messages for those whom they concern, and tells nobody what others earned. */
export class PublishWebhooks {
  constructor(private readonly store: WebhookStore) {}

  async credited(eventId: string, event: SettlementCredited, occurredAt: Date): Promise<void> {
    const { requestId, modelId, payerOrganisationId, feeWei } = event;
    const told: Told = { eventId, type: 'settlement.credited', occurredAt };
    const amounts = new Map<string, { role: string; amountWei: string }[]>();
    for (const { role, payeeId, amountWei } of event.parts) {
      if (payeeId === '' || amountWei === '0') continue;
      amounts.set(payeeId, [...(amounts.get(payeeId) ?? []), { role, amountWei }]);
    }
    const owners = await this.store.listeners(told.type, [...amounts.keys(), payerOrganisationId]);
    await this.store.publish(
      owners.map((ownerId) =>
        messageOf(told, ownerId, {
          requestId,
          modelId,
          ...(ownerId === payerOrganisationId ? { feeWei } : {}),
          earned: amounts.get(ownerId) ?? [],
        }),
      ),
    );
  }

  async paid(eventId: string, event: SettlementPaid, occurredAt: Date): Promise<void> {
    const told: Told = { eventId, type: 'settlement.paid', occurredAt };
    await this.tell(told, await this.store.ownersOf(event.walletAddress), {
      walletAddress: event.walletAddress,
      amountWei: event.amountWei,
      epoch: event.epoch,
      transactionHash: event.transactionHash,
    });
  }

  async epochClosed(eventId: string, event: EpochClosed, occurredAt: Date): Promise<void> {
    const told: Told = { eventId, type: 'settlement.epoch-closed', occurredAt };
    const { epoch, root, totalWei, leafCount, transactionHash } = event;
    await this.tell(told, undefined, { epoch, root, totalWei, leafCount, transactionHash });
  }

  /** Everybody who listens, where no owners are named. */
  async tell(told: Told, ownerIds: readonly string[] | undefined, data: object): Promise<void> {
    const owners = await this.store.listeners(told.type, ownerIds);
    await this.store.publish(owners.map((ownerId) => messageOf(told, ownerId, data)));
  }
}

const messageOf = ({ eventId, type, occurredAt }: Told, ownerId: string, data: object): WebhookMessage => ({
  id: derivedId(eventId, `webhook:${ownerId}`),
  ownerId,
  type,
  body: webhookBody(type, occurredAt, data),
  occurredAt,
});
