// The books alone, without the service around them: for measurements.
export { type Account, CHAIN_VAULT, CLEARING, payer } from './domain/ledger/accounts.js';
export { single, type Transfer, type TransferRequest } from './domain/ledger/transfer.js';
export type { TransferResult } from './domain/ledger/transfer-result.js';
export { migrations } from './migrations/index.js';
export { PostgresSettlementStore } from './outbound/postgres-store.js';
