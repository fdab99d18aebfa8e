import { retryAt } from '../../domain/webhooks/webhook.js';
import type {
  DeliveryOutcome,
  DueDelivery,
  SendOutcome,
  WebhookSender,
  WebhookStore,
} from './webhook-ports.js';

/** Sent side by side in one pass. */
const PASS_MAX = 32;
/** Longer than a call may take; what a dead process took comes back after it. */
const BUSY_MS = 60_000;
const KEEP_MS = 30 * 24 * 3_600_000;
const FORGET_MAX = 1_000;
const GONE = 410;

/** Brings messages to their endpoints at least once; receivers recognise a repeat by its id. */
export class DeliverWebhooks {
  constructor(
    private readonly store: WebhookStore,
    private readonly sender: WebhookSender,
    private readonly chance: () => number,
  ) {}

  /** How many were tried. */
  async pass(now: () => Date): Promise<number> {
    const began = now();
    const due = await this.store.take(began, new Date(began.getTime() + BUSY_MS), PASS_MAX);
    await Promise.all(due.map((delivery) => this.deliver(delivery, now)));
    return due.length;
  }

  /** Messages are kept for thirty days, for replays. */
  async forget(now: Date): Promise<void> {
    await this.store.forget(new Date(now.getTime() - KEEP_MS), FORGET_MAX);
  }

  private async deliver(delivery: DueDelivery, now: () => Date): Promise<void> {
    const { endpoint, message } = delivery;
    const outcome = await this.sender.send(endpoint, message, now());
    if (outcome.kind === 'answered' && outcome.status === GONE) {
      await this.store.setState(endpoint.id, 'disabled', 'the receiver answered 410 Gone');
    }
    await this.store.record(this.outcomeOf(delivery, outcome, now()));
  }

  private outcomeOf(delivery: DueDelivery, outcome: SendOutcome, attemptedAt: Date): DeliveryOutcome {
    const told = outcome.kind === 'answered' ? { status: outcome.status } : { error: outcome.error };
    const ids = { endpointId: delivery.endpoint.id, messageId: delivery.message.id };
    if (outcome.kind === 'answered' && outcome.status >= 200 && outcome.status < 300) {
      return { ...ids, ...told, state: 'delivered', attemptedAt };
    }
    const dueAt = retryAt(delivery.attempts + 1, attemptedAt, this.chance());
    return dueAt
      ? { ...ids, ...told, state: 'waiting', dueAt, attemptedAt }
      : { ...ids, ...told, state: 'failed', attemptedAt };
  }
}
