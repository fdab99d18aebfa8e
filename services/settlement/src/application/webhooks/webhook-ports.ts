import type { WebhookMessage, WebhookType } from '../../domain/webhooks/webhook.js';

export interface WebhookEndpoint {
  readonly id: string;
  /** Organisation or person. */
  readonly ownerId: string;
  readonly url: string;
  readonly types: readonly WebhookType[];
  /** `whsec_` and base64; the newest first, then one that is being replaced. */
  readonly secrets: readonly string[];
  readonly state: 'active' | 'disabled';
  /** Why it was disabled. */
  readonly reason?: string;
  readonly createdAt: Date;
}

export interface WebhookDelivery {
  readonly messageId: string;
  readonly type: WebhookType;
  readonly state: 'waiting' | 'delivered' | 'failed';
  readonly attempts: number;
  readonly dueAt?: Date;
  readonly lastStatus?: number;
  readonly lastError?: string;
  readonly occurredAt: Date;
}

/** A delivery whose turn has come. */
export interface DueDelivery {
  readonly endpoint: WebhookEndpoint;
  readonly message: WebhookMessage;
  /** Failed so far. */
  readonly attempts: number;
}

export interface DeliveryOutcome {
  readonly endpointId: string;
  readonly messageId: string;
  readonly state: WebhookDelivery['state'];
  readonly dueAt?: Date;
  readonly status?: number;
  readonly error?: string;
  readonly attemptedAt: Date;
}

/** Endpoints and what is on its way to them. */
export abstract class WebhookStore {
  /** False when the owner has `max` already. */
  abstract insert(endpoint: WebhookEndpoint, max: number): Promise<boolean>;
  abstract list(ownerId: string): Promise<WebhookEndpoint[]>;
  abstract find(ownerId: string, id: string): Promise<WebhookEndpoint | undefined>;
  abstract delete(ownerId: string, id: string): Promise<boolean>;
  /** The old secret signs too until then. */
  abstract rotate(id: string, secret: string, previousUntil: Date): Promise<void>;
  abstract setState(id: string, state: WebhookEndpoint['state'], reason?: string): Promise<void>;
  /** Which of them, or with none given everybody, listens to this type. */
  abstract listeners(type: WebhookType, ownerIds?: readonly string[]): Promise<string[]>;
  /** Who is paid at this wallet. */
  abstract ownersOf(wallet: string): Promise<string[]>;
  /** Queues the messages for the active endpoints of their owners; one that is there already changes nothing. */
  abstract publish(messages: readonly WebhookMessage[]): Promise<void>;
  abstract publishTo(endpointId: string, message: WebhookMessage): Promise<void>;
  /** Hands out at most `limit` deliveries that are due, and keeps them from others until `busyUntil`. */
  abstract take(now: Date, busyUntil: Date, limit: number): Promise<DueDelivery[]>;
  abstract record(outcome: DeliveryOutcome): Promise<void>;
  /** Newest first. */
  abstract deliveries(endpointId: string, limit: number): Promise<WebhookDelivery[]>;
  /** Queues what occurred since then once more, failed or not; how many. */
  abstract replay(endpoint: WebhookEndpoint, since: Date, now: Date): Promise<number>;
  /** Forgets messages from before; at most `limit`. */
  abstract forget(before: Date, limit: number): Promise<number>;
}

export type SendOutcome =
  | { readonly kind: 'answered'; readonly status: number }
  | { readonly kind: 'failed'; readonly error: string };

/** Signs and posts one message. */
export abstract class WebhookSender {
  /** @throws DomainError WEBHOOK_URL_REFUSED for an address that must not be called */
  abstract check(url: string): void;
  abstract send(endpoint: WebhookEndpoint, message: WebhookMessage, now: Date): Promise<SendOutcome>;
  abstract newSecret(): string;
}
