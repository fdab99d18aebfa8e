// What follows the chain and sends to it, without the service around it: for measurements.
export type { ChainEvent } from './application/chain-events.js';
export { ChainReader, type SeenLog } from './application/chain-ports.js';
export { SendTransactions } from './application/send-transactions.js';
export {
  type BroadcastAnswer,
  type FreshAttempt,
  type MinedTransaction,
  type SigningContext,
  TransactionSender,
} from './application/sending-ports.js';
export { WatchChain } from './application/watch-chain.js';
export { type Account, CHAIN_DISTRIBUTOR, payer, wallet } from './domain/accounts.js';
export { single } from './domain/transfer.js';
export { migrations } from './migrations/index.js';
export { PostgresSettlementStore } from './outbound/postgres-store.js';
