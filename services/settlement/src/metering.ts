// Metering alone, without the service around it: for measurements.

export type { PricedModel } from './application/metering/metering-ports.js';
export { RecordPayees } from './application/metering/record-payees.js';
export { RecordUsage } from './application/metering/record-usage.js';
export { type Arrival, settleAnswers } from './application/metering/settle-answers.js';
export { LeaseBalance } from './application/prepaid/lease-balance.js';
export { DEFAULT_ROLE_SPLIT } from './domain/split/split-fee.js';
export { scoredOf, servedOf, subscriptions } from './inbound/subscriptions.js';
