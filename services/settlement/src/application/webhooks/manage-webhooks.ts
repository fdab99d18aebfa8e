import { type Clock, DomainError, newId } from '@openledger/kernel';
import { type WebhookMessage, type WebhookType, webhookBody } from '../../domain/webhooks/webhook.js';
import type { WebhookDelivery, WebhookEndpoint, WebhookSender, WebhookStore } from './webhook-ports.js';

const ENDPOINTS_MAX = 10;
/** How long receivers have to change over to a new secret. */
const OVERLAP_MS = 24 * 3_600_000;

export interface NewEndpoint {
  readonly url: string;
  readonly types: readonly WebhookType[];
}

/** What an owner does with his endpoints. */
export class ManageWebhooks {
  constructor(
    private readonly store: WebhookStore,
    private readonly sender: WebhookSender,
    private readonly clock: Clock,
  ) {}

  /** @throws DomainError WEBHOOK_URL_REFUSED, TOO_MANY_WEBHOOKS */
  async create(ownerId: string, { url, types }: NewEndpoint): Promise<WebhookEndpoint> {
    this.sender.check(url);
    const endpoint: WebhookEndpoint = {
      id: newId(),
      ownerId,
      url,
      types,
      secrets: [this.sender.newSecret()],
      state: 'active',
      createdAt: this.clock.now(),
    };
    if (await this.store.insert(endpoint, ENDPOINTS_MAX)) return endpoint;
    const message = `There are ${ENDPOINTS_MAX} endpoints already: delete one first.`;
    throw new DomainError('conflict', 'TOO_MANY_WEBHOOKS', message);
  }

  list(ownerId: string): Promise<WebhookEndpoint[]> {
    return this.store.list(ownerId);
  }

  /** @throws DomainError WEBHOOK_UNKNOWN */
  async delete(ownerId: string, id: string): Promise<void> {
    if (!(await this.store.delete(ownerId, id))) throw unknown();
  }

  /** Both secrets sign for a day. @throws DomainError WEBHOOK_UNKNOWN */
  async rotate(ownerId: string, id: string): Promise<string> {
    await this.own(ownerId, id);
    const secret = this.sender.newSecret();
    await this.store.rotate(id, secret, new Date(this.clock.now().getTime() + OVERLAP_MS));
    return secret;
  }

  /** @throws DomainError WEBHOOK_UNKNOWN */
  async enable(ownerId: string, id: string): Promise<void> {
    await this.own(ownerId, id);
    await this.store.setState(id, 'active');
  }

  /** Sends a message that means nothing, to see whether it arrives. @throws DomainError WEBHOOK_UNKNOWN */
  async test(ownerId: string, id: string): Promise<string> {
    const endpoint = await this.own(ownerId, id);
    const occurredAt = this.clock.now();
    const body = webhookBody('webhook.test', occurredAt, { endpointId: id });
    const message: WebhookMessage = { id: newId(), ownerId, type: 'webhook.test', body, occurredAt };
    await this.store.publishTo(endpoint.id, message);
    return message.id;
  }

  /** @throws DomainError WEBHOOK_UNKNOWN */
  async deliveries(ownerId: string, id: string, limit: number): Promise<WebhookDelivery[]> {
    await this.own(ownerId, id);
    return this.store.deliveries(id, limit);
  }

  /** Delivers everything since then again. @throws DomainError WEBHOOK_UNKNOWN */
  async replay(ownerId: string, id: string, since: Date): Promise<number> {
    return this.store.replay(await this.own(ownerId, id), since, this.clock.now());
  }

  private async own(ownerId: string, id: string): Promise<WebhookEndpoint> {
    const endpoint = await this.store.find(ownerId, id);
    if (!endpoint) throw unknown();
    return endpoint;
  }
}

const unknown = (): DomainError =>
  new DomainError('not-found', 'WEBHOOK_UNKNOWN', 'There is no such webhook, or it is not yours.');
