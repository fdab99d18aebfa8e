// Metering alone, without the service around it: for measurements.
export { LeaseBalance } from './application/lease-balance.js';
export type { PricedModel } from './application/metering-ports.js';
export { RecordPayees } from './application/record-payees.js';
export { RecordUsage } from './application/record-usage.js';
export { DEFAULT_ROLE_SPLIT } from './domain/split-fee.js';
export { subscriptions } from './inbound/subscriptions.js';
