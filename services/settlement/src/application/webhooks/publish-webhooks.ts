import type {
  BudgetAlert,
  EpochClosed,
  SettlementCredited,
  SettlementPaid,
  SettlementRefunded,
} from '@openledger/contracts';
import { derivedId } from '@openledger/kernel';
import { type WebhookMessage, type WebhookType, webhookBody } from '../../domain/webhooks/webhook.js';
import type { WebhookStore } from './webhook-ports.js';

/** An event of settlement, as it is told outside. */
interface Told {
  readonly eventId: string;
  readonly type: WebhookType;
  readonly occurredAt: Date;
}

/** An answer's fee was split. */
export interface CreditedEvent {
  readonly eventId: string;
  readonly event: SettlementCredited;
  readonly occurredAt: Date;
}

/** Turns settlement's events into messages for those whom they concern, and tells nobody what others earned. */
export class PublishWebhooks {
  constructor(private readonly store: WebhookStore) {}

  async credited(events: readonly CreditedEvent[]): Promise<void> {
    const concerned = new Set(
      events.flatMap(({ event }) => [event.payerOrganisationId, ...event.parts.map((part) => part.payeeId)]),
    );
    const listening = new Set(await this.store.listeners('settlement.credited', [...concerned]));
    await this.store.publish(events.flatMap((credited) => creditedMessages(credited, listening)));
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

  async refunded(eventId: string, event: SettlementRefunded, occurredAt: Date): Promise<void> {
    const told: Told = { eventId, type: 'settlement.refunded', occurredAt };
    const { refundId, requestId, amountWei, reason, creditNote } = event;
    const data = { refundId, requestId, amountWei, reason, creditNote };
    await this.tell(told, [event.organisationId], data);
  }

  async budgetAlert(eventId: string, event: BudgetAlert, occurredAt: Date): Promise<void> {
    const told: Told = { eventId, type: 'settlement.budget-alert', occurredAt };
    const { month, thresholdPercent, budgetWei, spentWei } = event;
    await this.tell(told, [event.organisationId], { month, thresholdPercent, budgetWei, spentWei });
  }

  /** Everybody who listens, where no owners are named. */
  private async tell(told: Told, ownerIds: readonly string[] | undefined, data: object): Promise<void> {
    const owners = await this.store.listeners(told.type, ownerIds);
    await this.store.publish(owners.map((ownerId) => messageOf(told, ownerId, data)));
  }
}

/** The payer sees the fee, a payee his own parts. */
function creditedMessages(
  { eventId, event, occurredAt }: CreditedEvent,
  listening: ReadonlySet<string>,
): WebhookMessage[] {
  const { requestId, modelId, payerOrganisationId, feeWei, parts } = event;
  const owners = new Set([payerOrganisationId, ...parts.map(({ payeeId }) => payeeId)]);
  return [...owners]
    .filter((ownerId) => listening.has(ownerId))
    .map((ownerId) => {
      const earned = parts
        .filter(({ payeeId, amountWei }) => payeeId === ownerId && amountWei !== '0')
        .map(({ role, amountWei }) => ({ role, amountWei }));
      const fee = ownerId === payerOrganisationId ? { feeWei } : {};
      const data = { requestId, modelId, ...fee, earned };
      return messageOf({ eventId, type: 'settlement.credited', occurredAt }, ownerId, data);
    });
}

const messageOf = ({ eventId, type, occurredAt }: Told, ownerId: string, data: object): WebhookMessage => ({
  id: derivedId(eventId, `webhook:${ownerId}`),
  ownerId,
  type,
  body: webhookBody(type, occurredAt, data),
  occurredAt,
});
