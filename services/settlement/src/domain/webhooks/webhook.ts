/** What can be subscribed to: the type of a message, word for word. */
export const WEBHOOK_TYPES = [
  'settlement.credited',
  'settlement.paid',
  'settlement.epoch-closed',
  'settlement.refunded',
  'settlement.budget-alert',
  'webhook.test',
] as const;

export type WebhookType = (typeof WEBHOOK_TYPES)[number];

/** One message to one owner; its endpoints get the same bytes. */
export interface WebhookMessage {
  readonly id: string;
  readonly ownerId: string;
  readonly type: WebhookType;
  readonly body: string;
  readonly occurredAt: Date;
}

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

/** Waits after the first, second, … failure: the schedule that the Standard Webhooks specification recommends. */
const RETRY_AFTER_MS = [
  5 * SECOND_MS,
  5 * MINUTE_MS,
  30 * MINUTE_MS,
  2 * HOUR_MS,
  5 * HOUR_MS,
  10 * HOUR_MS,
  14 * HOUR_MS,
  20 * HOUR_MS,
  24 * HOUR_MS,
];
/** Share of a wait that chance adds, so that those who failed together do not come back together. */
const JITTER = 0.2;

/**
 * When a delivery that failed `attempts` times is tried again; undefined when it is given up.
 *
 * @param chance uniform in 0…1
 */
export function retryAt(attempts: number, failedAt: Date, chance: number): Date | undefined {
  const waitMs = RETRY_AFTER_MS[attempts - 1];
  return waitMs === undefined ? undefined : new Date(failedAt.getTime() + waitMs * (1 + JITTER * chance));
}

/** The body as the specification has it: type, time and data, without spaces. */
export const webhookBody = (type: WebhookType, occurredAt: Date, data: object): string =>
  JSON.stringify({ type, timestamp: occurredAt.toISOString(), data });
